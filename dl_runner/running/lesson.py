"""A lesson: a few small trainings that differ in one thing, and the picture that shows what it does.

A lesson is a function `NAME(lesson, **keywords) -> Figure` in a module of its name. It trains through `lesson.train`,
by the one loop, so each arm is an ordinary run in `arms/` of the lesson's folder, with its own curves in TensorBoard.
"""

import copy
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from dl_runner import registry
from dl_runner.build.builders import check_builders
from dl_runner.build.data import build_data
from dl_runner.build.fit import checked_experiment
from dl_runner.build.model import build_model
from dl_runner.config.check import check_config
from dl_runner.config.schema import Config
from dl_runner.config.stored import load_run
from dl_runner.config.types import arguments
from dl_runner.data.dataset import Data
from dl_runner.errors import RunFailed, UserError, hint
from dl_runner.plugins import load_plugins
from dl_runner.report.pictures import to_pixels
from dl_runner.running.code_record import check_code
from dl_runner.running.ending import ending_on_record
from dl_runner.running.launch import finish
from dl_runner.runtime.files import atomic_path, file_name
from dl_runner.tracking.console import console
from dl_runner.tracking.metrics_file import METRICS, read_metrics
from dl_runner.tracking.run_folder import RECORD, Job, RunRecord, begin, create, lock
from dl_runner.tracking.tensorboard import TensorBoard
from dl_runner.tracking.tracker import RunInfo, Trackers
from dl_runner.training.checkpoint import Checkpoints, load_weights
from dl_runner.training.sums import Diverged
from dl_runner.training.training import Watch

PICTURE = "picture.png"
_log = logging.getLogger("dl_runner")


@dataclass(frozen=True)
class Arm:
    """One finished training of a lesson.

    Args:
        name: what is different in it, as a legend says it.
        config: its experiment.
        metrics: the final ones, `{SPLIT/NAME: value}`; none where the training diverged.
        rows: those of its metrics.jsonl, in the order of the steps.
        model: with the weights after the last step, in evaluation mode, on the processor; None where it diverged.
        folder: its run folder.
    """

    name: str
    config: Config
    metrics: Mapping[str, float]
    rows: list[dict[str, Any]]
    model: nn.Module | None
    folder: Path

    @property
    def diverged(self) -> bool:
        return self.model is None

    def curve(self, metric: str, x: str = "epoch") -> tuple[list[float], list[float]]:
        """The values of a metric over "epoch" or "step": two lists of the same length."""
        rows = [row for row in self.rows if metric in row]
        return [float(row[x]) for row in rows], [float(row[metric]) for row in rows]


class Lesson:
    """What a lesson works with: its config, and trainings that change a little of it.

    Args:
        checked: the lesson's config; without a change an arm is just what it says.
        folder: the lesson's run folder.
    """

    def __init__(self, checked: Config, folder: Path) -> None:
        self.config, self.folder = checked, folder
        self.step = 0
        self.metrics: dict[str, float] = {}

    def change(self, changes: Mapping[str, Any]) -> Config:
        """The lesson's config with dotted keys set to new values, checked.

        Raises:
            UserError: a change that does not fit.
        """
        plain = copy.deepcopy(self.config.plain)
        plain["lesson"] = None
        for key, value in changes.items():
            *sections, last = key.split(".")
            place = plain
            for section in sections:
                if not isinstance(place.get(section), dict):
                    raise UserError(f"{key}={value}: the config has no section {section}{hint(section, place)}")
                place = place[section]
            place[last] = copy.deepcopy(value)
        return check_config(plain)

    def train(
        self,
        name: str,
        changes: Mapping[str, Any] | None = None,
        watch: Watch | None = None,
        *,
        may_diverge: bool = False,
    ) -> Arm:
        """Train one arm, or read it back if it was completed before this lesson was resumed.

        Args:
            name: what is different in it; also names its folder.
            changes: dotted key of the config → value; a whole section replaces the old one.
            watch: measures more of the model at each report, {NAME: value} for train/NAME.
            may_diverge: whether a divergence is a result of the lesson too; otherwise it ends the lesson.

        Raises:
            UserError: a change that does not fit.
            RunFailed: the arm broke, or diverged and may not.
            Interrupted: it was asked to stop.
        """
        changes = {"tracker.console": "none", **(changes or {})}
        checked = self.change(changes)
        folder = self.folder / "arms" / file_name(name)
        diverged = False
        try:
            finish(checked, folder, watch)
        except RunFailed as failure:
            diverged = isinstance(failure.__cause__, Diverged)
            if not (diverged and may_diverge):
                raise
            _log.info("%s: %s", name, failure.__cause__)
        record, rows = RunRecord.load(folder), read_metrics(folder / METRICS)
        self.step += record["step"]
        if diverged:
            return Arm(name, checked, {}, rows, None, folder)
        self.metrics |= {f"{name}: {metric}": value for metric, value in record["metrics"].items()}
        results = {key: value for key, value in record["metrics"].items() if key.endswith(("/loss", "/accuracy"))}
        shown = ", ".join(f"{metric} {value:.4g}" for metric, value in results.items())
        _log.info("%s: %s", name, shown)
        model = self.initial(checked)
        load_weights(Checkpoints(folder).require("last"), model)
        return Arm(name, checked, record["metrics"], rows, model, folder)

    def initial(self, checked: Config | None = None) -> nn.Module:
        """The model that an arm of this config starts from, or one of the lesson's own; in evaluation mode."""
        checked = checked or self.config
        return build_model(checked, check_builders(checked), self.data(checked).spec).eval()

    def data(self, checked: Config | None = None) -> Data:
        """The data of an arm's config, or of the lesson's own."""
        checked = checked or self.config
        return build_data(checked, check_builders(checked))


def teach(checked: Config, parent: Path, name: str, job: Job | None = None) -> Path:
    """Hold a lesson in a new folder `parent/name`, which it returns; `job` is the sweep's job that it is.

    Raises:
        UserError: an unknown lesson or keyword, or a config that does not fit; no folder is left behind.
        RunFailed: an arm or the drawing broke.
        Interrupted: it was asked to stop; `go_on` continues.
    """
    lesson_of(checked)
    checked = checked_experiment(checked).config  # a mistake in it is found before there is a folder
    folder = create(parent, name)
    with lock(folder):
        _hold(checked, begin(checked, folder, job))
    return folder


def go_on(folder: Path, *, changed_code: bool = False) -> None:
    """Continue a lesson: completed arms are read back, an interrupted one is resumed exactly.

    Args:
        changed_code: although the code of its plugins is another one now.

    Raises:
        UserError, RunFailed, Interrupted: as for `teach`.
    """
    checked = load_run(folder)
    if not changed_code:
        check_code(folder)
    with lock(folder):
        record = RunRecord.load(folder)
        record.resume(record["step"])
        _hold(checked, record)


def finish_lesson(checked: Config, folder: Path, job: Job | None = None) -> RunRecord:
    """The record of the completed lesson in `folder`, whatever that takes: nothing, `go_on`, or `teach`.

    Raises:
        UserError, RunFailed, Interrupted: as for `teach`.
    """
    status = RunRecord.load(folder)["status"] if (folder / RECORD).exists() else None
    if status is None:
        shutil.rmtree(folder, ignore_errors=True)
        teach(checked, folder.parent, folder.name, job)
    elif status != "completed":
        go_on(folder)
    return RunRecord.load(folder)


def _hold(checked: Config, record: RunRecord) -> None:
    folder, lesson = record.folder, Lesson(checked, record.folder)
    shown = console("none" if checked.tracker.console == "none" else "plain")
    tracker = Trackers([*([TensorBoard()] if checked.tracker.tensorboard else []), shown])
    with ending_on_record(record, tracker, lesson):
        header = {"lesson": checked.lesson.name, "run": str(folder)}
        tracker.start(RunInfo(folder, checked.plain, header, steps=1, steps_per_epoch=1, metric_names=("none",)))
        figure = lesson_of(checked)(lesson)
        with atomic_path(folder / PICTURE) as temporary:
            figure.savefig(temporary, dpi=120)
        tracker.image(f"lesson/{checked.lesson.name}", to_pixels(figure), 0)
        _log.info("the picture: %s", folder / PICTURE)


def lesson_of(checked: Config) -> Any:
    """The lesson's function with its keywords checked and bound.

    Raises:
        UserError: an unknown lesson or keyword.
    """
    load_plugins(checked.plugins)
    function = registry.builder("lesson", checked.lesson.builder_name)
    keywords = arguments(function, checked.lesson.arguments, "lesson", {"lesson"})
    return lambda lesson: function(lesson, **keywords)
