"""The jobs of an adaptive search: each is chosen by the results so far when the launcher can start it."""

import math
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dl_runner.config.check import check_config
from dl_runner.config.schema import Config
from dl_runner.errors import UserError, hint
from dl_runner.sweep.fixed_plan import Check, JobComposer
from dl_runner.sweep.folder import Entry, add_job, begin_search, entries, exclusive
from dl_runner.sweep.job import FINISHED, Outcome, outcome_of_misfit, outcome_of_mistake, outcome_on_record
from dl_runner.sweep.settings import Settings
from dl_runner.sweep.space import Swept, dimension
from dl_runner.sweep.study import Study, import_optuna, open_study
from dl_runner.sweep.summary import refusal
from dl_runner.tracking.metrics_file import METRICS, read_metrics
from dl_runner.tracking.text import number


class SearchPlan:
    """A `Plan` by Optuna: each job is a trial.

    A trial that was left unfinished, by a kill or because its job failed, is resumed before a new one is asked for. A
    trial whose values were tried before gets the result of that job, which does not run twice.

    Raises:
        UserError: nothing to search, invalid values, or a metric that is not measured.
    """

    mistakes: Mapping[str, Outcome] = {}

    def __init__(self, settings: Settings, swept: Swept, write: JobComposer) -> None:
        import_optuna()
        if not swept:
            raise UserError("sweep=optuna: nothing to search; give a key a choice(…), range(…) or interval(…)")
        self._settings, self._write, self._folder = settings, write, Path()
        self._space = [dimension(key, override) for key, override in swept.items()]
        example, plain = write([one.middle for one in self._space])
        self.metric, self.direction = objective(check_config(plain), settings)
        self._same = {
            **{"search": settings.search, "metric": self.metric, "direction": self.direction},
            **{"seed": settings.seed, "pruning": settings.pruning, "example": example.identity},
            "swept": {key: override.get_value_string() for key, override in swept.items()},
        }
        self._taken: set[str] = set()

    def check(self, check: Check | None, begun: Collection[str]) -> None:
        """Find out whether the search can run with each of its choices and with both ends of each interval, everything
        else being in the middle. Combinations are met as they are drawn.

        Args:
            check: looks at their parts; None to leave that to each trial.
            begun: a search that has begun is not looked at again.

        Raises:
            UserError: it cannot.
        """
        if check is None or begun:
            return
        middle = [one.middle for one in self._space]
        choices = [middle]
        for place, of in enumerate(self._space):
            choices += [[*middle[:place], one, *middle[place + 1 :]] for one in of.ends]
        configs, found = {}, {}
        for choice in choices:
            job, plain = self._write(choice)
            try:
                configs[job.label] = check_config(plain)
            except UserError as error:
                found[job.label] = outcome_of_mistake(error)
        for label, misfit in zip(configs, check(list(configs.values())), strict=True):
            if misfit is not None:
                found[label] = outcome_of_misfit(misfit)
        if found:
            raise UserError(refusal(list(found.items()), len(configs) + len(found)))

    @property
    def entries(self) -> Sequence[Entry]:
        return entries(self._folder)

    def register(self, folder: Path, definition: Mapping[str, Any]) -> None:
        """Opens the study, or makes it.

        Raises:
            UserError: a different sweep is in the folder, or the storage cannot be used.
        """
        self._folder = folder
        owner = begin_search(folder, {**definition, "same": self._same, "code": self._write.code})
        with exclusive(folder):  # two processes must not make the same tables
            study = open_study(self._settings.storage, folder.absolute(), self.direction)
            if study.user_attrs.setdefault("search", self._same) != self._same:
                raise UserError(
                    f"sweep.storage={self._settings.storage}: its study {folder.name} is a different search; choose "
                    "another sweep.name"
                )
            study.set_user_attr("search", self._same)
        self._study = Study(study, self._settings.seed, owner)

    def pending(self) -> Iterator[tuple[Entry, list[str]]]:
        """The jobs of the trials that are neither done nor running elsewhere, until there are n trials."""
        while True:
            with exclusive(self._folder):
                trial = self._left_over() or self._study.ask(self._settings.n)
                if trial is None:
                    return
                choice = [self._study.draw(trial, one) for one in self._space]
                job, _ = self._write(choice)
                entry = add_job(self._folder, job, trial.number)
                trial.set_user_attr("command", shlex.join(job.command))
                trial.set_user_attr("identity", job.identity)
                # From here on the process that finishes the job finds the trial. If it is finished already:
                outcome = outcome_on_record(self._folder / entry.folder)
                self._tell(entry, outcome)
            if outcome.status in FINISHED or job.identity in self._taken:
                continue
            self._taken.add(job.identity)
            yield entry, self._write.overrides(choice)

    def remaining(self) -> int:
        """The number of trials that are still to be asked for."""
        return max(self._settings.n - len(self._study.trials()), 0)

    def finished(self, entry: Entry, outcome: Outcome) -> None:
        """Tells the study; a job that failed or runs elsewhere leaves its trial unfinished."""
        with exclusive(self._folder):
            self._tell(entry, outcome)

    def best(self) -> str | None:
        """The best trial with its command line."""
        best, trials = self._study.best(), self._study.trials()[: self._settings.n]
        done = sum(trial.state.is_finished() for trial in trials)
        counts = f"{done} of {self._settings.n} trials done"
        if best is None:
            return counts
        value = number(self.metric, best.value)
        return f"{counts}; the best, trial {best.number}, {self.metric} {value}: {best.user_attrs['command']}"

    # The methods below are called in an exclusive block: several processes may see the end of the same job, and a
    # trial that one of them is about to take must not be finished by another.

    def _tell(self, entry: Entry, outcome: Outcome) -> None:
        if outcome.status in FINISHED:
            value = None if outcome.status == "pruned" else self._value(entry)
            self._study.tell(entry.job.identity, value, outcome.status == "pruned")

    def _left_over(self) -> Any:
        """An unfinished trial of this folder whose job no process is running."""
        listed = {entry.job.identity: entry for entry in self.entries}
        for trial in self._study.unfinished():
            if trial.number >= self._settings.n:
                break
            identity = trial.user_attrs.get("identity")
            if identity in listed:
                outcome = outcome_on_record(self._folder / listed[identity].folder)
                self._tell(listed[identity], outcome)
                if identity in self._taken or outcome.status in (*FINISHED, "elsewhere"):
                    continue
            if (taken := self._study.take(trial)) is not None:
                return taken
        return None

    def _value(self, entry: Entry) -> float | None:
        """The best value of the metric over the run's evaluations."""
        rows = read_metrics(self._folder / entry.folder / METRICS)
        values = [row[self.metric] for row in rows if math.isfinite(row.get(self.metric, math.nan))]
        return (max if self.direction == "maximize" else min)(values, default=None)


def objective(checked: Config, settings: Settings) -> tuple[str, str]:
    """The metric to optimize, SPLIT/NAME, and its direction: the settings', or else those of the config's task.

    Raises:
        UserError: the metric is not measured.
    """
    if checked.lesson is not None:
        raise UserError("sweep=optuna: a lesson has no metric to optimize; sweep=random samples it, too")
    from dl_runner.build.builders import check_builders
    from dl_runner.build.data import build_data
    from dl_runner.build.experiment import build_task

    builders = check_builders(checked)
    data = build_data(checked, builders)
    if data.validation is None:
        raise UserError("sweep=optuna: there are no validation data to choose by; set data.validation=0.1")
    task = build_task(checked, builders, data.spec, data.fitted)
    measured = {f"validation/{metric.name}": metric.better for metric in task.metrics}
    metric = settings.metric or next(iter(measured))
    if metric not in measured:
        raise UserError(f"sweep.metric={metric}: no such metric{hint(metric, measured)}")
    return metric, settings.direction or f"{measured[metric]}imize"
