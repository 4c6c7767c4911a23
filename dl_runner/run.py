"""The life of a run: its folder, lock and record, its trackers, and how it ends."""

import logging
import platform
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dl_runner import build, config
from dl_runner.build import Builders, Place
from dl_runner.config import Config
from dl_runner.data.splits import Data
from dl_runner.errors import Interrupted, RunFailed, UserError
from dl_runner.report.results import show_results
from dl_runner.runtime.interrupt import stop_on_signals
from dl_runner.tracking.console import console
from dl_runner.tracking.files import write_atomic
from dl_runner.tracking.metrics_file import MetricsFile
from dl_runner.tracking.profile import Profile
from dl_runner.tracking.run_folder import RunRecord, create, lock
from dl_runner.tracking.tensorboard import TensorBoard
from dl_runner.tracking.tracker import RunInfo, Tracker, Trackers
from dl_runner.training.checkpoint import load_weights
from dl_runner.training.evaluate import evaluate
from dl_runner.training.loop import Training, train
from dl_runner.training.means import Diverged

CONFIG = "config.yaml"
_log = logging.getLogger("dl_runner")


@dataclass(frozen=True)
class Result:
    """How a completed run went.

    Args:
        record: what run.json holds.
        objective: the best value of the metric that chose the weights, None without validation data.
    """

    record: RunRecord
    objective: float | None


@dataclass(frozen=True)
class Parts:
    """What a run is made of before its folder exists."""

    config: Config
    builders: Builders
    data: Data
    model: nn.Module
    place: Place

    @classmethod
    def of(cls, checked: Config) -> "Parts":
        """Find the device, check the builders, load the data, build the model, in this order.

        Raises:
            UserError: the config does not fit the builders, the data or this machine.
        """
        device = build.build_device(checked)
        builders = build.check_builders(checked)
        data = build.build_data(checked, builders)
        model = build.build_model(checked, builders, data.spec)
        build.check_fit(checked, builders, data, model)
        return cls(checked, builders, data, model, build.build_place(checked, data.spec, device))

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())


def launch(checked: Config, parent: Path, name: str, job: str | None = None) -> Result:
    """Train one experiment in a new run folder.

    Args:
        checked: what to run.
        parent: where the run folder is made.
        name: of the run folder; a number is appended when it is taken.
        job: what a sweep varies in this run, for the header.

    Raises:
        UserError: the config does not fit the data or this machine; no run folder is left behind.
        RunFailed: the run broke; its folder tells why.
        Interrupted: it was asked to stop; its folder can be resumed.
    """
    parts = Parts.of(checked)
    folder = create(parent, name)
    with lock(folder):
        write_atomic(folder / CONFIG, config.save(checked.plain))
        record = RunRecord.start(
            folder,
            command=["dlrun", *sys.argv[1:]],
            seed=checked.seed,
            device=str(parts.place.device),
            precision=parts.place.precision,
            parameters=parts.parameters,
            data=parts.data.spec.to_dict(),
        )
        return Result(record, _conduct(parts, record, job))


def resume(folder: Path) -> Result:
    """Go on with an interrupted, killed or failed run from its last checkpoint, exactly as if it had never stopped.

    Raises:
        UserError: the run is completed, there is no checkpoint, or another process is running in it.
        RunFailed: as for `launch`.
        Interrupted: as for `launch`.
    """
    checked = config.check(config.load(folder / CONFIG))
    with lock(folder):
        record = RunRecord.load(folder)
        if record["status"] == "completed":
            raise UserError(f"{folder}: already completed; there is nothing to resume")
        return Result(record, _conduct(Parts.of(checked), record, job=None, resumed=True))


def _conduct(parts: Parts, record: RunRecord, job: str | None, resumed: bool = False) -> float | None:
    """Train and test, with everything that happens written to the record and the trackers; returns the objective."""
    tracker = _trackers(parts.config)
    training = build.build_training(
        parts.config, parts.builders, parts.data, parts.model, parts.place, tracker, record.folder
    )
    state = training.checkpoints.load() if resumed else None
    if state and state["steps_per_epoch"] != training.horizon.steps_per_epoch:
        raise UserError(f"{record.folder}: the training data have changed since it began, so it cannot go on exactly")
    with _ending_on_record(training, record, tracker), stop_on_signals() as request:
        if state:
            record.resume(state["step"])
        tracker.start(_info(parts, training, record.folder, job, first_step=state["step"] if state else 0))
        if state:
            training.load_state_dict(state)
        ending = train(training, request)
        training.checkpoints.save_weights("last", training.model, training.spec)
        if ending == "interrupted":
            raise Interrupted(f"stopped at step {training.step:,}", request.signal_number)
        if ending == "stopped early":
            _log.info("stopped early: no better validation metric for %d evaluations", training.stopping.stale)
        _test(parts, training)
    return training.stopping.best


@contextmanager
def _ending_on_record(training: Training, record: RunRecord, tracker: Tracker) -> Iterator[None]:
    """Whatever happens inside ends up in the record and the trackers, and a failure becomes RunFailed."""
    status, story, failure = "completed", None, None
    try:
        yield
    except KeyboardInterrupt as stop:
        status, how = "interrupted", stop if isinstance(stop, Interrupted) else Interrupted("stopped at once", 2)
        failure = Interrupted(f"{how}; go on with: dlrun resume {record.folder}", how.signal_number)
    except Exception as error:
        status, story = "failed", traceback.format_exc()
        if isinstance(error, Diverged):
            failure = RunFailed(f"{error}; {_after_divergence(training)}")
        else:
            _log.error(story.rstrip())
            failure = RunFailed(f"{type(error).__name__}: {error}; the traceback is in {record.folder / 'log.txt'}")
        failure.__cause__ = error
    record.update(step=training.step)
    record.finish(status, training.metrics, story)
    tracker.finish(status, training.metrics)
    if failure is not None:
        raise failure


def _after_divergence(training: Training) -> str:
    last = training.checkpoints.last
    kept = f"the last good checkpoint is {last}" if last.exists() else "there is no checkpoint yet"
    return f"{kept}; try a smaller optimizer.lr, trainer.clip_norm=1 or schedule.warmup='1 epoch'"


def _test(parts: Parts, training: Training) -> None:
    """The test set, once, on the weights that validation chose; then the pictures of the results."""
    choice, best = parts.config.trainer.test, training.checkpoints.weights("best")
    if choice == "best" and training.stopping.best_step is not None:
        load_weights(best, training.model)
        training.metrics |= training.best_metrics
        _log.info("best weights: those of step %d", training.stopping.best_step)
    split = "test" if choice != "never" and parts.data.test is not None else "validation"
    batches = build.build_evaluation(parts.config, parts.data, split, parts.place.device)
    if batches is None:
        return
    outputs: list[torch.Tensor] = []
    limit = parts.config.trainer.evaluate_batches
    measured = evaluate(training.model, training.task, batches, training.autocast, limit=limit, outputs=outputs)
    if split == "test":
        named = {f"test/{name}": value for name, value in measured.items()}
        training.metrics |= named
        if choice != "every":  # else the loop has logged it
            training.tracker.log(training.step, training.epoch, named, milestone=False)
    if parts.data.spec.task == "classification":
        show_results(training.tracker, parts.data.spec, getattr(parts.data, split), outputs, split, training.step)


def _trackers(checked: Config) -> Tracker:
    trackers: list[Tracker] = [MetricsFile()]
    if checked.tracker.tensorboard:
        trackers.append(TensorBoard())
    if checked.trainer.profile_steps:
        trackers.append(Profile(checked.trainer.profile_steps))
    return Trackers([*trackers, console(checked.tracker.console)])


def _info(parts: Parts, training: Training, folder: Path, job: str | None, first_step: int) -> RunInfo:
    splits = [*training.evaluations, *(["test"] if parts.config.trainer.test != "never" and parts.data.test else [])]
    return RunInfo(
        folder=folder,
        config=parts.config.plain,
        header=_header(parts, training, folder, job),
        steps=training.horizon.steps,
        steps_per_epoch=training.horizon.steps_per_epoch,
        first_step=first_step,
        metric_names=tuple(
            f"{split}/{name}" for split in dict.fromkeys(["train", *splits]) for name in training.task.metrics
        ),
    )


def _header(parts: Parts, training: Training, folder: Path, job: str | None) -> dict[str, str]:
    checked, spec, horizon = parts.config, parts.data.spec, training.horizon
    sizes = {split: getattr(parts.data, split) for split in ("train", "validation", "test")}
    counted = ", ".join(f"{len(found):,} {split}" for split, found in sizes.items() if found is not None)
    classes = f", {len(spec.classes)} classes" if spec.classes else ""
    shape = "×".join(map(str, spec.input_shape))
    rate = checked.optimizer.arguments.get("lr")
    epochs = horizon.steps / horizon.steps_per_epoch
    header: dict[str, Any] = {
        "job": job,
        "data": f"{checked.data.name}: {counted}; {shape}{classes}",
        "model": f"{checked.model.name}, {parts.parameters:,} parameters",
        "optimizer": f"{checked.optimizer.name}{f', lr {rate:g}' if rate else ''}, {checked.schedule.name} schedule",
        "length": f"{epochs:.4g} epochs, {horizon.steps:,} steps of {checked.data.batch_size} examples",
        "device": f"{_device_name(parts.place.device)}, {parts.place.precision}",
        "run": str(folder),
    }
    return {label: text for label, text in header.items() if text}


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({torch.get_num_threads()} threads, {platform.machine()})"
