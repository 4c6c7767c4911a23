"""Small lessons for tests, in this process, and what they leave behind."""

import json
from dataclasses import dataclass
from pathlib import Path

from helpers import QUIET

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.schema import Config
from dl_runner.config.stored import to_plain
from dl_runner.running.lesson import PICTURE, teach
from dl_runner.tracking.metrics_file import METRICS, read_metrics


@dataclass(frozen=True)
class LessonRun:
    """A lesson's folder, read back."""

    folder: Path

    @property
    def record(self) -> dict:
        return json.loads((self.folder / "run.json").read_text())

    def metric(self, arm: str, name: str) -> float:
        """The final one of an arm."""
        return self.record["metrics"][f"{arm}: {name}"]

    def curve(self, arm_folder: str, name: str) -> list[float]:
        """All values of an arm's metric."""
        rows = read_metrics(self.folder / "arms" / arm_folder / METRICS)
        return [row[name] for row in rows if name in row]


def checked(*overrides: str) -> Config:
    """The config of what `dlrun OVERRIDES` would do, on one thread and silent, with its picture in TensorBoard."""
    return check_config(to_plain(compose([*QUIET, "tracker.tensorboard=true", *overrides])))


def hold(tmp_path: Path, name: str, *overrides: str) -> LessonRun:
    """Hold a lesson of the package in tmp_path/lesson; its picture is in the folder and in TensorBoard."""
    teach(checked(f"experiment=lessons/{name}", *overrides), tmp_path, "lesson")
    lesson = LessonRun(tmp_path / "lesson")
    assert lesson.record["status"] == "completed"
    assert_picture(lesson.folder, name)
    return lesson


def assert_picture(folder: Path, name: str) -> None:
    """The picture is there, wide enough to be read, and TensorBoard shows the same size."""
    from PIL import Image
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Image.open(folder / PICTURE) as picture:
        assert picture.width >= 1400 and len(picture.convert("L").getcolors()) > 2
    events = EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()
    (image,) = events.Images(f"lesson/{name}")
    assert image.width > 1000
