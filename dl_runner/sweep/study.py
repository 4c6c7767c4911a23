"""Optuna's study of a search: its trials, in a database that processes share. Imports no torch.

The samples of a trial are a function of the search's seed, the trial's number and the results so far: a search that
is killed and resumed draws the samples that it would have drawn. No connection is held while a run trains.
"""

import hashlib
import logging
import math
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from dl_runner.errors import UserError
from dl_runner.sweep.space import Dimension

_log = logging.getLogger("dl_runner")
STORAGES = {"sqlite": "study.db", "journal": "study.log"}
SQLITE_TIMEOUT = 60  # seconds that one process waits for another's write


def import_optuna() -> Any:
    """The package.

    Raises:
        UserError: it is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise UserError("sweep=optuna: Optuna is not installed; pip install 'dl_runner[optuna]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


@lru_cache(maxsize=4)
def open_study(storage: str, folder: Path, direction: str | None = None) -> Any:
    """The study of the sweep in `folder`, which has the folder's name.

    Args:
        storage: sqlite or journal, a file in the folder, or a database's URL.
        direction: minimize or maximize, to make the study if there is none.

    Raises:
        UserError: the storage cannot be used.
    """
    optuna = import_optuna()
    try:
        if storage == "journal":
            place = optuna.storages.JournalStorage(
                optuna.storages.journal.JournalFileBackend(str(folder / STORAGES[storage]))
            )
        else:
            url = f"sqlite:///{folder / STORAGES[storage]}" if storage in STORAGES else storage
            waiting = {"connect_args": {"timeout": SQLITE_TIMEOUT}} if url.startswith("sqlite") else {}
            place = optuna.storages.RDBStorage(url, engine_kwargs=waiting)
        if direction is None:
            return optuna.load_study(study_name=folder.name, storage=place)
        return optuna.create_study(study_name=folder.name, storage=place, direction=direction, load_if_exists=True)
    except Exception as error:  # databases and their drivers have no common exception
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"sweep.storage={storage}: cannot be used ({reason}); expected sqlite, journal or a database's URL"
        ) from error


class Study:
    """The trials of one search, for the process that runs it.

    Args:
        study: Optuna's.
        seed: of the samples.
        owner: of new trials: the name of the sweep folder, as `folder.begin_search` returns it.
    """

    def __init__(self, study: Any, seed: int, owner: str) -> None:
        self._optuna = import_optuna()
        self._study, self._seed, self._owner = study, seed, owner

    def trials(self) -> list[Any]:
        """All trials, in the order of their numbers."""
        return self._study.get_trials(deepcopy=False)

    def unfinished(self) -> list[Any]:
        """The unfinished trials of this sweep folder; the processes that ran them may have died."""
        states = self._optuna.trial.TrialState
        return [
            trial
            for trial in self.trials()
            if trial.state in (states.RUNNING, states.WAITING) and trial.user_attrs.get("owner") == self._owner
        ]

    def ask(self, n: int) -> Any:
        """A new trial, or None if there are `n` already; inside `folder.exclusive`.

        Processes of another folder may ask the same database at the same time. So a trial is first enqueued and then
        taken, and one with a number beyond `n` stays in the queue.
        """
        waiting = self._optuna.trial.TrialState.WAITING
        while True:
            trials = self.trials()
            free = next((trial for trial in trials[:n] if trial.state == waiting), None)
            if free is not None:
                if (taken := self.take(free)) is not None:
                    return taken
            elif len(trials) >= n:
                return None
            else:
                self._study.enqueue_trial({}, user_attrs={"owner": self._owner})

    def take(self, trial: Any) -> Any:
        """A handle of the trial for `draw`; None if another process was first."""
        states = self._optuna.trial.TrialState
        if trial.state == states.WAITING:
            try:
                if not self._study._storage.set_trial_state_values(trial._trial_id, states.RUNNING):
                    return None
            except self._optuna.exceptions.UpdateFinishedTrialError:
                return None
            self._study._storage.set_trial_user_attr(trial._trial_id, "owner", self._owner)
        return self._optuna.trial.Trial(self._study, trial._trial_id)

    def draw(self, trial: Any, dimension: Dimension) -> str:
        """The KEY=VALUE of a trial that was taken, sampled if it has none yet."""
        digest = hashlib.sha256(f"{self._seed}:{trial.number}:{dimension.key}".encode()).digest()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            # Trials that are running count as bad ones, so that no two processes try the same.
            seed = int.from_bytes(digest[:4], "big")
            self._study.sampler = self._optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        return dimension.suggest(trial)

    def tell(self, identity: str, value: float | None, pruned: bool) -> None:
        """Sets the result of every unfinished trial of a job; a completed one without a value has failed. Inside
        `folder.exclusive`.
        """
        states = self._optuna.trial.TrialState
        state = states.PRUNED if pruned else states.FAIL if value is None else states.COMPLETE
        for trial in self.unfinished():
            if trial.user_attrs.get("identity") == identity:
                result = value if state == states.COMPLETE else None
                self._study.tell(trial.number, result, state=state)

    def best(self) -> Any:
        """The best completed trial, None before the first."""
        try:
            return self._study.best_trial
        except ValueError:
            return None


class Pruning:
    """Reports each evaluation of a job to the study, and stops a run that is worse than the median at that evaluation.

    The rule is the median one of Golovin et al., "Google Vizier" (2017), section 3.2.2: the best value so far against
    the median of the completed trials' values at the same evaluation, once there are five of these.

    Args:
        study: Optuna's.
        identity: of the job.
        metric: SPLIT/NAME.
    """

    def __init__(self, study: Any, identity: str, metric: str) -> None:
        self._study, self._identity, self._metric = study, identity, metric

    def __call__(self, evaluation: int, metrics: Mapping[str, float]) -> bool:
        """Whether to stop the run.

        Args:
            evaluation: its number, >= 1.
            metrics: what it measured.
        """
        try:
            return self._report(evaluation, metrics)
        except Exception as error:  # the database must not end the run
            _log.warning("the database of the search is out of reach, so this run cannot be pruned: %s", error)
            return False

    def _report(self, evaluation: int, metrics: Mapping[str, float]) -> bool:
        optuna = import_optuna()
        running = self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
        trial = next((one for one in running if one.user_attrs.get("identity") == self._identity), None)
        value = metrics.get(self._metric, math.nan)
        if trial is None or math.isnan(value):
            return False
        storage = self._study._storage
        storage.set_trial_intermediate_value(trial._trial_id, evaluation, value)
        return optuna.pruners.MedianPruner().prune(self._study, storage.get_trial(trial._trial_id))
