"""The small interface between a run and everything that shows or stores what it measures."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np

Status = Literal["running", "completed", "failed", "interrupted", "pruned"]
Metrics = Mapping[str, float]
Picture: TypeAlias = "np.ndarray | Callable[[], np.ndarray]"


@dataclass(frozen=True)
class RunInfo:
    """What a tracker may know of a run before its first step.

    Args:
        folder: the run folder.
        config: the resolved config, plain containers.
        header: what a person wants to see first, label to text, in the order of showing.
        steps: the number of optimizer steps when the run is not cut short; 0 of a model that is only fitted.
        steps_per_epoch: > 0.
        first_step: steps already done (a resumed run), 0 for a fresh one.
        metric_names: `SPLIT/NAME` of the results among what will be logged; the console shows these only.
        fractions: NAMEs of those that are fractions of 1.
        details: NAMEs of those that the line of an evaluation is too short for.
    """

    folder: Path
    config: Mapping[str, Any]
    header: Mapping[str, str]
    steps: int
    steps_per_epoch: int
    first_step: int = 0
    metric_names: tuple[str, ...] = field(default=())
    fractions: frozenset[str] = frozenset()
    details: frozenset[str] = frozenset()

    def keeps(self, step: int, names: Iterable[str]) -> bool:
        """Whether a resumed run keeps what was logged at `step` under `names`: it does not log it again.

        Of the step that it goes on from it logs the final test again, which comes after the last checkpoint.
        """
        trained = any(name.startswith(("train/", "samples/")) for name in names)
        return step < self.first_step or (step == self.first_step and trained)


class Tracker:
    """Does nothing at every event; writers override what they care about."""

    def start(self, run: RunInfo) -> None:
        """Called once, before the first step."""

    def progress(self, step: int, read: Callable[[], Metrics]) -> None:
        """Called after every optimizer step; must be cheap.

        Args:
            step: steps done.
            read: gives the running means of `train/*`; it synchronizes with the device, so call it seldom.
        """

    def log(self, step: int, epoch: float, metrics: Metrics, *, milestone: bool) -> None:
        """New numbers, named `SPLIT/NAME`.

        Args:
            step: steps done.
            epoch: the same in epochs.
            metrics: finite or not; what was measured.
            milestone: true after an evaluation (a person wants a line), false for a report within an epoch.
        """

    def image(self, name: str, pixels: Picture, step: int) -> None:
        """A picture, uint8, (height, width, 3), or a function that draws it: called where it is shown."""

    def text(self, name: str, text: str, step: int) -> None:
        """What a model has written, or another text of a task's."""

    def finish(self, status: Status, metrics: Metrics) -> None:
        """Called once, whatever happened, with the final metrics known so far."""


class Trackers(Tracker):
    """Passes every event to each of its trackers, in order."""

    def __init__(self, trackers: Iterable[Tracker]) -> None:
        self.trackers = list(trackers)

    def start(self, run: RunInfo) -> None:
        for tracker in self.trackers:
            tracker.start(run)

    def progress(self, step: int, read: Callable[[], Metrics]) -> None:
        for tracker in self.trackers:
            tracker.progress(step, read)

    def log(self, step: int, epoch: float, metrics: Metrics, *, milestone: bool) -> None:
        for tracker in self.trackers:
            tracker.log(step, epoch, metrics, milestone=milestone)

    def image(self, name: str, pixels: Picture, step: int) -> None:
        for tracker in self.trackers:
            tracker.image(name, pixels, step)

    def text(self, name: str, text: str, step: int) -> None:
        for tracker in self.trackers:
            tracker.text(name, text, step)

    def finish(self, status: Status, metrics: Metrics) -> None:
        """Finishes every tracker, whatever becomes of the others.

        Raises:
            Exception: the first one's failure, after the last one's turn.
        """
        failures = []
        for tracker in self.trackers:
            try:
                tracker.finish(status, metrics)
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]
