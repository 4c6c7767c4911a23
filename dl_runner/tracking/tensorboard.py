"""TensorBoard: one event file a run, in the run folder, with the hyperparameters in this same run."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dl_runner.runtime.files import readable, utf8_path, writing
from dl_runner.tracking.hyperparameters import hyperparameters
from dl_runner.tracking.metrics_file import METRICS, read_metrics
from dl_runner.tracking.tracker import Metrics, Picture, RunInfo, Status, Tracker

EVENTS = "events.out.tfevents.*"


class TensorBoard(Tracker):
    """Scalars under their `SPLIT/NAME` over steps, pictures, the config as text, hyperparameters with final metrics.

    The session of the hyperparameter plugin is in the run's own file. There is no Experiment summary on purpose: of all
    runs that TensorBoard shows, it would take the columns from one, and the parameters of other models would be lost.
    Without it the columns are the union over all runs, those that differ first.

    A resumed run gets a new event file that replaces the old ones: scalars cuda_graph from metrics.jsonl with the times
    of their measurement, pictures copied, of what it does not log again. Needs `MetricsFile` beside it.
    """

    def __init__(self) -> None:
        self._writer: Any = None
        self._open = contextlib.ExitStack()
        self._last: dict[str, float] = {}
        self._step = 0

    def start(self, run: RunInfo) -> None:
        import yaml
        from torch.utils.tensorboard import SummaryWriter

        folder = self._open.enter_context(utf8_path(run.folder))
        old = sorted(folder.glob(EVENTS))
        self._path, self._step = run.folder / EVENTS, run.first_step
        with writing(self._path):
            # The queue must not hold up the training loop; ten seconds is what a person waits for a curve to grow.
            self._writer = SummaryWriter(folder, max_queue=1000, flush_secs=10)
            _say_nothing_of_failed_writes()
            self._writer.file_writer.add_summary(_session_start(hyperparameters(run.config)))
            text = yaml.safe_dump(dict(run.config), sort_keys=False, allow_unicode=True)
            self._writer.add_text("config", _as_it_is(text))
            self._replay(run, old)
            self._writer.flush()
            # Only now is everything in them that is still wanted in the new file; the curves of lost rows are not.
            for path in old if self._last or not run.first_step else []:
                path.unlink()

    def _replay(self, run: RunInfo, old: list[Path]) -> None:
        path = run.folder / METRICS
        for row in read_metrics(path) if path.exists() else []:
            if run.keeps(row["step"], row):
                metrics = {name: value for name, value in row.items() if name not in ("step", "epoch", "time")}
                self._scalars(row["step"], metrics, row["time"])
        for event in _shown(old):
            if run.keeps(event.step, [value.tag for value in event.summary.value]):
                self._writer.file_writer.event_writer.add_event(event)

    def _scalars(self, step: int, metrics: Metrics, wall_time: float | None = None) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step, wall_time)
            self._last[name] = value
        self._step = step

    def log(self, step: int, epoch: float, metrics: Metrics, *, milestone: bool) -> None:
        with writing(self._path):
            self._scalars(step, metrics)

    def image(self, name: str, pixels: Picture, step: int) -> None:
        pixels = pixels() if callable(pixels) else pixels
        with writing(self._path):
            self._writer.add_image(name, pixels, step, dataformats="HWC")

    def text(self, name: str, text: str, step: int) -> None:
        # As it is: what a model writes may look like Markdown.
        with writing(self._path):
            self._writer.add_text(name, _as_it_is(readable(text)), step)

    def finish(self, status: Status, metrics: Metrics) -> None:
        if self._writer is None:
            return
        with self._open, writing(self._path):
            # The hyperparameter table shows the last value of each curve, so the final ones must be the last.
            self._scalars(self._step, {name: value for name, value in metrics.items() if self._last.get(name) != value})
            self._writer.file_writer.add_summary(_session_end(status))
            self._writer.close()


def _say_nothing_of_failed_writes() -> None:
    """The writer's thread would print a traceback of what it cannot write, which our next call raises anyway."""
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if not (isinstance(args.exc_value, OSError) and type(args.thread).__name__ == "_AsyncWriterThread"):
            before(args)

    if getattr(before, "__module__", None) != __name__:  # once is enough
        threading.excepthook = hook


def _shown(paths: list[Path]) -> Iterator[Any]:
    """The pictures and texts of event files, whole as they are; a record cut short ends its file."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    for path in paths:
        for event in LegacyEventFileLoader(str(path)).Load():
            if any(_is_shown(value) for value in event.summary.value):
                yield event


def _is_shown(value: Any) -> bool:
    text = value.tag.endswith("/text_summary") and value.tag != "config/text_summary"  # which is written anew
    return text or value.HasField("image")


def _session_start(values: Mapping[str, float | bool | str]) -> Any:
    """The summary that opens a session of the hyperparameter plugin."""
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    info = plugin_data_pb2.SessionStartInfo(start_time_secs=time.time())
    for name, value in values.items():
        kind = {bool: "bool_value", str: "string_value"}.get(type(value), "number_value")
        setattr(info.hparams[name], kind, value)
    return _summary(metadata.SESSION_START_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_start_info=info))


def _session_end(status: Status) -> Any:
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    outcome = api_pb2.STATUS_SUCCESS if status == "completed" else api_pb2.STATUS_FAILURE
    info = plugin_data_pb2.SessionEndInfo(status=outcome, end_time_secs=time.time())
    return _summary(metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=info))


def _summary(tag: str, content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    return Summary(value=[Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(content))])


def _as_it_is(text: str) -> str:
    """A text that TensorBoard, which reads Markdown, shows as it is."""
    return "\n".join(f"    {line}" for line in text.split("\n"))
