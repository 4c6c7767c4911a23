"""A sweep from its first job to its summary. Knows no launcher; imports no torch."""

import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override

from dl_runner import config
from dl_runner.compose import config_dir_of
from dl_runner.errors import Interrupted, RunFailed, UserError
from dl_runner.sweep.folder import Entry, enter
from dl_runner.sweep.identity import identity
from dl_runner.sweep.job import Outcome, mistaken, stored
from dl_runner.sweep.search import SEARCHES, split
from dl_runner.sweep.settings import Settings
from dl_runner.sweep.summary import failures, show
from dl_runner.tracking.run_folder import Job, create


class Sweep:
    """The jobs of one command line and what has become of them.

    Args:
        settings: how they are found and run.
        folder: of the sweep.
        named: whether the user named it; a sweep without a name gets a folder of its own.
        compose: a job's KEY=VALUE overrides → its resolved config.
        launch: jobs' overrides, and how many were launched before → their outcomes, in the same order.
        rename: told the name that a sweep without one has got.
        batch: jobs per launch; None for all at once.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        named: bool,
        compose: Callable[[list[str]], dict[str, Any]],
        launch: Callable[[list[list[str]], int], list[Outcome]],
        rename: Callable[[str], None],
        batch: int | None,
    ) -> None:
        self.settings, self.folder, self.named, self.batch = settings, folder, named, batch
        self._compose, self._launch, self._rename = compose, launch, rename
        self.entries: list[Entry] = []
        self.outcomes: dict[str, Outcome] = {}

    def run(self, overrides: Sequence[Override]) -> list[Outcome]:
        """Run what is not completed yet, and show how all of it went.

        Raises:
            UserError: the sweep cannot be run, or no job of it can.
            RunFailed: a job failed.
            Interrupted: it was asked to stop; the same command line goes on.
        """
        self._plan(overrides)
        try:
            try:
                self._work()
            except Exception as error:
                if isinstance(error, UserError | RunFailed):
                    raise
                traceback.print_exc()  # a launcher's; Hydra's caller would take it for a mistake in the command line
                raise RunFailed(f"{type(error).__name__}: {error}; go on with: {self._command()}") from error
            finally:
                for entry in self.entries:
                    self.outcomes.setdefault(entry.job.identity, stored(self.folder / entry.folder))
                show(self.folder, [(entry, self.outcomes[entry.job.identity]) for entry in self.entries])
        except KeyboardInterrupt as stop:
            number = stop.signal_number if isinstance(stop, Interrupted) else 2
            raise Interrupted(f"the sweep stopped; go on with: {self._command()}", number) from None
        self._raise_failures()
        return [self.outcomes[entry.job.identity] for entry in self.entries]

    def _plan(self, overrides: Sequence[Override]) -> None:
        """The list of jobs, in sweep.json before the first one starts."""
        swept, fixed = split(overrides)
        found = SEARCHES[self.settings.search](swept, self.settings.n, self.settings.seed)
        varied = sorted({override.key_or_group for override in swept.values()})
        wanted: dict[str, tuple[Job, list[str]]] = {}
        mistakes: list[UserError] = []
        for choice in found:
            plain = self._compose([*fixed, *choice])
            name = identity(plain, varied)
            if name in wanted:
                continue
            label = ",".join(choice or [one for one in fixed if not _about_sweep(one)]) or "the default"
            command = ["dlrun", *_config_dir(), *(one for one in (*fixed, *choice) if not _about_sweep(one))]
            wanted[name] = (Job(label, name, tuple(command)), [*fixed, *choice])
            try:
                config.check(plain)
            except UserError as error:
                mistakes.append(error)
                self.outcomes[name] = mistaken(error)
        if not wanted:
            raise UserError("the sweep has no jobs; give a key more than one value")
        if len(mistakes) == len(wanted):
            raise UserError(
                failures([(job.label, self.outcomes[name]) for name, (job, _) in wanted.items()], len(wanted))
            )
        if not self.named:
            self.folder = create(self.folder.parent, self.folder.name)
            self._rename(self.folder.name)
        definition = {
            **{"command": ["dlrun", *sys.argv[1:]], "search": self.settings.search, "fixed": fixed},
            "swept": {key: override.get_value_string() for key, override in swept.items()},
        }
        self.entries = enter(self.folder, list(wanted.values()), definition)

    def _work(self) -> None:
        """Launch the jobs that are neither completed nor mistaken. A search that learns would choose them here."""
        pending = []
        for entry in self.entries:
            known = stored(self.folder / entry.folder)
            if known.status == "earlier":
                self.outcomes[entry.job.identity] = known
            elif entry.job.identity not in self.outcomes:
                pending.append(entry)
        size = self.batch or len(pending) or 1
        for first in range(0, len(pending), size):
            if self.settings.fail_fast and any(one.status == "failed" for one in self.outcomes.values()):
                return
            batch = pending[first : first + size]
            settled = [f"sweep.job={entry.job.identity}" for entry in batch]
            jobs = [[*entry.overrides, *self._same_name(), job] for entry, job in zip(batch, settled, strict=True)]
            for entry, outcome in zip(batch, self._launch(jobs, first), strict=True):
                self.outcomes[entry.job.identity] = outcome
                if outcome.error:
                    print(f"dlrun: job {entry.folder}: {outcome.error}", file=sys.stderr, flush=True)

    def _same_name(self) -> list[str]:
        return [] if self.named else [f"sweep.name={self.folder.name}"]

    def _raise_failures(self) -> None:
        failed = [
            (entry.folder, self.outcomes[entry.job.identity])
            for entry in self.entries
            if self.outcomes[entry.job.identity].status == "failed"
        ]
        if failed:
            hopeless = len(failed) == len(self.entries) and all(outcome.mistake for _, outcome in failed)
            raise (UserError if hopeless else RunFailed)(failures(failed, len(self.entries)))

    def _command(self) -> str:
        return shlex.join(["dlrun", *sys.argv[1:], *self._same_name()])


def _about_sweep(override: str) -> bool:
    return override.lstrip("+~").startswith(("sweep=", "sweep."))


def _config_dir() -> list[str]:
    folder = config_dir_of(sys.argv[1:])
    return ["--config-dir", str(folder)] if folder else []
