"""A sweep from its first job to its summary. Knows no launcher; imports no torch."""

import shlex
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from hydra.core.override_parser.types import Override

from dl_runner.errors import Interrupted, RunFailed, UserError
from dl_runner.sweep.fixed_plan import Check, FixedPlan, JobComposer
from dl_runner.sweep.folder import Entry, definition_of, entries, fix_threads
from dl_runner.sweep.job import FINISHED, Outcome, outcome_on_record
from dl_runner.sweep.search import split
from dl_runner.sweep.search_plan import SearchPlan
from dl_runner.sweep.settings import Settings
from dl_runner.sweep.summary import failures, show
from dl_runner.tracking.run_folder import create

Launch = Callable[[Iterator[list[str]]], Iterator[tuple[int, Outcome]]]


class Plan(Protocol):
    """Which jobs to run: all of them known beforehand, or each chosen by the outcomes of those before it."""

    entries: Sequence[Entry]  # the jobs known so far
    mistakes: Mapping[str, Outcome]  # identity → outcome, of the jobs whose config is invalid

    def check(self, check: Check | None, begun: Collection[str]) -> None:
        """Called first: raises UserError for jobs that cannot run; see `FixedPlan.check`."""

    def register(self, folder: Path, definition: Mapping[str, Any]) -> None:
        """Called once, before the first job, with the folder of the sweep and what sweep.json says beside the jobs."""

    def pending(self) -> Iterator[tuple[Entry, list[str]]]:
        """The jobs to launch with their overrides; the launcher takes the next one when it can start it."""

    def remaining(self) -> int:
        """How many jobs are still to be launched, as far as is known."""

    def finished(self, entry: Entry, outcome: Outcome) -> None:
        """Called with each outcome as soon as it is known."""

    def best(self) -> str | None:
        """A line about the best job, for the summary."""


class Sweep:
    """The jobs of one command line and their outcomes.

    Args:
        settings: how they are found and run.
        folder: of the sweep.
        named: whether the user named it; a sweep without a name gets a folder of its own.
        compose: a job's KEY=VALUE overrides → its resolved config.
        launch: runs jobs, each a list of overrides, which it takes one by one as it has room for them; yields the
            outcome of each, in any order, with its place among those taken.
        rename: called with the name that a sweep without one has got.
        threads: the threads of each job by an earlier command, None if there are none on record → those that each job
            shall have, None where the launcher decides that job by job.
        check: what is wrong with the parts of each of some jobs.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        named: bool,
        compose: Callable[[list[str]], dict[str, Any]],
        launch: Launch,
        rename: Callable[[str], None],
        threads: Callable[[int | None], int | None],
        check: Check,
    ) -> None:
        self.settings, self.folder, self.named = settings, folder, named
        self._compose, self._launch, self._rename = compose, launch, rename
        self._threads, self._check = threads, check
        self.outcomes: dict[str, Outcome] = {}

    def run(self, overrides: Sequence[Override]) -> list[Outcome]:
        """Run the jobs that are not completed yet, and print a table of all jobs.

        Raises:
            UserError: the sweep cannot be run, or no job of it can.
            RunFailed: a job failed.
            Interrupted: it was asked to stop; the same command line goes on.
        """
        plan = self._planned(overrides)
        try:
            try:
                self._work(plan)
            except Exception as error:
                if isinstance(error, UserError | RunFailed):
                    raise
                traceback.print_exc()  # a launcher's; Hydra's caller would report it as a mistake in the command line
                raise RunFailed(f"{type(error).__name__}: {error}; go on with: {self._command()}") from error
            finally:
                self._look_up(plan.entries)
                show(self.folder, [(entry, self.outcomes[entry.job.identity]) for entry in plan.entries], plan.best())
        except KeyboardInterrupt as stop:
            number = stop.signal_number if isinstance(stop, Interrupted) else 2
            raise Interrupted(f"the sweep stopped; go on with: {self._command()}", number) from None
        self._raise_failures(plan.entries)
        return [self.outcomes[entry.job.identity] for entry in plan.entries]

    def _planned(self, overrides: Sequence[Override]) -> Plan:
        swept, fixed = split(overrides)
        write = JobComposer(self._compose, fixed, swept)
        plan = (
            SearchPlan(self.settings, swept, write)
            if self.settings.adaptive
            else FixedPlan(self.settings, swept, write)
        )
        plan.check(self._check if self.settings.check else None, self._begun())
        if not self.named:
            self.folder = create(self.folder.parent, self.folder.name)
            self._rename(self.folder.name)
        definition = {
            **{"command": ["dlrun", *sys.argv[1:]], "search": self.settings.search, "fixed": fixed},
            "swept": {key: override.get_value_string() for key, override in swept.items()},
        }
        here = write.threads = self._threads(definition_of(self.folder).get("threads"))
        plan.register(self.folder, definition)
        fix_threads(self.folder, lambda known: here if known in (None, here) else self._threads(known))
        write.threads = definition_of(self.folder).get("threads")
        self.outcomes |= plan.mistakes
        return plan

    def _begun(self) -> set[str]:
        """The identities of the jobs that have a run folder by now."""
        listed = entries(self.folder) if self.named else []
        found = ((entry, outcome_on_record(self.folder / entry.folder)) for entry in listed)
        return {entry.job.identity for entry, outcome in found if outcome.status != "not started"}

    def _work(self, plan: Plan) -> None:
        taken: list[Entry] = []

        def jobs() -> Iterator[list[str]]:
            for entry, overrides in plan.pending():
                if self.settings.fail_fast and any(one.status == "failed" for one in self.outcomes.values()):
                    return
                taken.append(entry)
                yield [*overrides, *self._same_name(), f"sweep.job={entry.job.identity}"]

        with closing(self._launch(_Jobs(jobs(), plan.remaining))) as done:  # no job is left running after an error
            for place, outcome in done:
                entry = taken[place]
                self.outcomes[entry.job.identity] = outcome
                if outcome.error:
                    print(f"dlrun: job {entry.folder}: {outcome.error}", file=sys.stderr, flush=True)
                plan.finished(entry, outcome)

    def _look_up(self, entries: Sequence[Entry]) -> None:
        """Read the outcomes of the jobs that this process did not run."""
        for entry in entries:
            outcome = self.outcomes.get(entry.job.identity)
            if outcome is None or outcome.status == "elsewhere":
                now = outcome_on_record(self.folder / entry.folder)
                if outcome is None or now.status in (*FINISHED, "failed"):
                    self.outcomes[entry.job.identity] = now

    def _same_name(self) -> list[str]:
        return [] if self.named else [f"sweep.name={self.folder.name}"]

    def _raise_failures(self, entries: Sequence[Entry]) -> None:
        outcomes = [(entry.folder, self.outcomes[entry.job.identity]) for entry in entries]
        failed = [(name, outcome) for name, outcome in outcomes if outcome.status == "failed"]
        if failed:
            all_mistakes = len(failed) == len(entries) and all(outcome.mistake for _, outcome in failed)
            raise (UserError if all_mistakes else RunFailed)(failures(failed, len(entries)))

    def _command(self) -> str:
        return shlex.join(["dlrun", *sys.argv[1:], *self._same_name()])


class _Jobs(Iterator[list[str]]):
    """Jobs with a length hint: the number of waiting jobs, for the launcher's table."""

    def __init__(self, jobs: Iterator[list[str]], remaining: Callable[[], int]) -> None:
        self._jobs, self._remaining = jobs, remaining

    def __next__(self) -> list[str]:
        return next(self._jobs)

    def __length_hint__(self) -> int:
        return self._remaining()
