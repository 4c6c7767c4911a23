"""The jobs of a grid, of random samples or of pairs, all known before the first one starts. Imports no torch."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dl_runner.config.check import check_config
from dl_runner.config.paths import portable
from dl_runner.config.schema import Config
from dl_runner.config.search_path import searched
from dl_runner.errors import UserError
from dl_runner.plugins import code_of
from dl_runner.sweep.folder import Entry, add_jobs
from dl_runner.sweep.identity import identity
from dl_runner.sweep.job import (
    Outcome,
    fixed_threads,
    outcome_of_misfit,
    outcome_of_mistake,
    outcome_on_record,
    with_threads_told,
)
from dl_runner.sweep.search import SEARCHES, Swept
from dl_runner.sweep.settings import Settings
from dl_runner.sweep.summary import refusal
from dl_runner.tracking.run_folder import Job

if TYPE_CHECKING:
    from dl_runner.running.rehearsal import Misfit

Check = Callable[[Sequence[Config]], Sequence["Misfit | None"]]


class JobComposer:
    """Turns KEY=VALUE choices into jobs.

    Args:
        compose: a job's KEY=VALUE overrides → its resolved config.
        fixed: overrides that all jobs share.
        swept: the keys that vary.

    Attributes:
        threads: of each job, all its processes together, as soon as they are known; its command then says so.
        code: of the plugins of the jobs so far, module to {file: SHA-256}.
    """

    def __init__(self, compose: Callable[[list[str]], dict[str, Any]], fixed: Sequence[str], swept: Swept) -> None:
        self._compose, self.fixed = compose, list(fixed)
        self.varied = sorted({override.key_or_group for override in swept.values()})
        self.threads: int | None = None
        self.code: dict[str, Any] = {}
        self._known: dict[tuple[str, ...], dict[str, Any]] = {}
        self._shared = [one for one in fixed if not one.lstrip("+~").startswith(("sweep=", "sweep."))]

    def overrides(self, choice: Sequence[str]) -> list[str]:
        return [*self.fixed, *choice]

    def __call__(self, choice: Sequence[str]) -> tuple[Job, dict[str, Any]]:
        """The job of this choice of KEY=VALUE, and its resolved config, unchecked."""
        try:
            plain = self._compose(self.overrides(choice))
        except UserError as error:
            if not choice or any(str(error).startswith(one) for one in choice):
                raise
            raise UserError(f"{error}; that is of the job {','.join(choice)}") from None
        folders = [text for folder in searched() for text in ("--config-dir", str(folder))]
        command = ["dlrun", *folders, *self._shared, *choice]
        label = ",".join(choice) or "job"
        try:
            same = portable(plain)
        except (UserError, KeyError, TypeError):  # a mistake, which the check of the job tells
            same = plain
        if code := self._code_of(plain.get("plugins")):
            same = {**same, "code": code}
        return self.told(Job(label, identity(same, self.varied), tuple(command)), plain), plain

    def told(self, job: Job, plain: Mapping[str, Any]) -> Job:
        """The job with a command that fixes its threads."""
        return with_threads_told(job, fixed_threads(plain, self.threads))

    def _code_of(self, names: Any) -> dict[str, Any]:
        """The hashes of the code of a job's plugins, by module and file, noted for sweep.json."""
        names = tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()
        if names not in self._known:
            self._known[names] = {name: known["files"] for name, known in code_of(names).items()}
        self.code |= self._known[names]
        return self._known[names]


class FixedPlan:
    """A `Plan` of all combinations, samples or pairs.

    Raises:
        UserError: the values do not fit the search.
    """

    def __init__(self, settings: Settings, swept: Swept, write: JobComposer) -> None:
        self.entries: list[Entry] = []
        self.mistakes: dict[str, Outcome] = {}
        self._write, self._folder = write, Path()
        self._waiting: list[Entry] = []
        self._choices: dict[str, list[str]] = {}
        self._jobs: list[Job] = []
        self._configs: dict[str, Config] = {}
        self._plain: dict[str, dict[str, Any]] = {}
        for choice in SEARCHES[settings.search](swept, settings.n, settings.seed):
            job, plain = write(choice)
            if job.identity in self._choices:
                continue
            self._jobs.append(job)
            self._choices[job.identity], self._plain[job.identity] = choice, plain
            try:
                self._configs[job.identity] = check_config(plain)
            except UserError as error:
                self.mistakes[job.identity] = outcome_of_mistake(error)
        if not self._jobs:
            raise UserError("the sweep has no jobs; give a key more than one value")

    def check(self, check: Check | None, begun: Collection[str]) -> None:
        """Find out which jobs cannot run.

        Args:
            check: looks at their parts; None to leave that to each of them.
            begun: identities of jobs that are left alone, since they have a run folder.

        Raises:
            UserError: one of them cannot, or where each of them is left to itself, none of them can.
        """
        waiting = {identity: config for identity, config in self._configs.items() if identity not in begun}
        if check is not None and waiting:
            for identity, misfit in zip(waiting, check(list(waiting.values())), strict=True):
                if misfit is not None:
                    self.mistakes[identity] = outcome_of_misfit(misfit)
        if self.mistakes and (check is not None or len(self.mistakes) == len(self._jobs)):
            failed = [(job.label, self.mistakes[job.identity]) for job in self._jobs if job.identity in self.mistakes]
            raise UserError(refusal(failed, len(self._jobs)))

    def register(self, folder: Path, definition: Mapping[str, Any]) -> None:
        """Adds the jobs to sweep.json.

        Raises:
            UserError: a different sweep is in the folder.
        """
        self._folder = folder
        jobs = [self._write.told(job, self._plain[job.identity]) for job in self._jobs]
        self.entries = add_jobs(folder, jobs, {**definition, "code": self._write.code})
        self._waiting = [entry for entry in self.entries if self._to_do(entry)]

    def pending(self) -> Iterator[tuple[Entry, list[str]]]:
        """The jobs that are valid and, when their turn comes, not completed, with their overrides."""
        while self._waiting:
            entry = self._waiting.pop(0)
            if self._to_do(entry):  # another process may have completed it meanwhile
                yield entry, self._write.overrides(self._choices[entry.job.identity])

    def remaining(self) -> int:
        """The number of jobs that are still to be launched."""
        return len(self._waiting)

    def _to_do(self, entry: Entry) -> bool:
        return (
            entry.job.identity not in self.mistakes
            and outcome_on_record(self._folder / entry.folder).status != "earlier"
        )

    def finished(self, entry: Entry, outcome: Outcome) -> None:
        """The jobs do not depend on outcomes."""

    def best(self) -> str | None:
        """None: nothing is optimized."""
