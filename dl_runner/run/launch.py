"""The life of a run: its folder, lock and record, its trackers, and how it ends."""

import contextlib
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dl_runner.build.fit import check_fit
from dl_runner.build.parts import Parts, build_evaluation, build_parts, build_training
from dl_runner.config.schema import Config
from dl_runner.config.stored import CONFIG, load_config, load_run
from dl_runner.errors import Interrupted, Pruned, RunFailed, UserError
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.parallel.workers import announce, others_first
from dl_runner.report.augmentation import augmented_copies
from dl_runner.report.results import show_results
from dl_runner.run.distributed import follow, in_processes, join_process_group, same_mistakes, to_start
from dl_runner.run.ending import ending_on_record
from dl_runner.run.header import run_info
from dl_runner.runtime.interrupt import StopRequest, stop_on_signals
from dl_runner.tracking.console import console
from dl_runner.tracking.metrics_file import MetricsFile
from dl_runner.tracking.profile import Profile
from dl_runner.tracking.run_folder import RECORD, Job, RunRecord, begin, create, lock
from dl_runner.tracking.tensorboard import TensorBoard
from dl_runner.tracking.tracker import Tracker, Trackers
from dl_runner.training.checkpoint import Checkpoints, load_weights
from dl_runner.training.evaluation import evaluate
from dl_runner.training.loop import train
from dl_runner.training.sums import Diverged
from dl_runner.training.training import Prune, Training

_log = logging.getLogger("dl_runner")

Watch = Callable[[nn.Module], Mapping[str, float]]


@dataclass(frozen=True)
class Result:
    """How a completed run went.

    Args:
        record: what run.json holds.
        objective: the best value of the metric that chose the weights, None without validation data.
    """

    record: RunRecord
    objective: float | None


def launch(
    checked: Config,
    parent: Path,
    name: str,
    job: Job | None = None,
    watch: Watch | None = None,
    prune: Prune | None = None,
) -> Result:
    """Train one experiment in a new run folder, in as many processes as its config asks for.

    Args:
        checked: what to run.
        parent: where the run folder is made.
        name: of the run folder; a number is appended when it is taken.
        job: the sweep's job that this run is.
        watch: measures more of the model at each report, {NAME: value} for train/NAME.
        prune: told the number, >= 1, and the metrics of each evaluation: whether to give the run up.

    Raises:
        UserError: the config does not fit the data or this machine; no run folder is left behind.
        RunFailed: the run broke; its folder tells why.
        Pruned: it was given up.
        Interrupted: it was asked to stop; its folder can be resumed.
    """
    if processes := to_start(checked):
        return in_processes(processes, _launch, checked, parent, name, job, watch, prune)
    return _launch(checked, parent, name, job, watch, prune)


def _launch(
    checked: Config, parent: Path, name: str, job: Job | None, watch: Watch | None, prune: Prune | None
) -> Result | None:
    with join_process_group(checked) as process_group:
        with same_mistakes(process_group):
            parts = fitting_parts(checked, process_group)
            training = build_training(parts)
            folder = create(parent, name) if process_group.rank == 0 else None
        if folder is None:
            return follow(training)
        announce(folder)
        training.prune = prune
        with lock(folder):
            known = _where(parts) | {"parameters": parts.parameters, "data": parts.data.spec.to_dict()}
            record = begin(checked, folder, job, **known)
            return Result(record, _conduct(parts, training, record, watch))


def resume(
    folder: Path,
    watch: Watch | None = None,
    device: str | None = None,
    prune: Prune | None = None,
    parallel: Mapping[str, Any] | None = None,
) -> Result:
    """Go on with an interrupted, killed or failed run from its last checkpoint, exactly as if it had never stopped.

    Args:
        folder: the run folder.
        watch: as for `launch`.
        device: where to go on, if not where the run began.
        prune: as for `launch`; without it a run that was given up goes on to its end.
        parallel: keys of the config's `parallel` section to change.

    Raises:
        UserError: the run is completed, there is no checkpoint, the data have changed, or another process is running
            in the folder.
        RunFailed, Pruned, Interrupted: as for `launch`.
    """
    checked = load_run(folder, device, parallel)
    if processes := to_start(checked):
        return in_processes(processes, _resume, checked, folder, watch, prune)
    return _resume(checked, folder, watch, prune)


def _resume(checked: Config, folder: Path, watch: Watch | None, prune: Prune | None) -> Result | None:
    with (
        join_process_group(checked) as process_group,
        lock(folder) if process_group.rank == 0 else contextlib.nullcontext(),
    ):
        with same_mistakes(process_group):
            record = RunRecord.load(folder)
            if record["status"] == "completed":
                raise UserError(f"{folder}: already completed; there is nothing to resume")
            state = Checkpoints(folder).load()
            parts = fitting_parts(checked, process_group)
            training = build_training(parts)
            if state["data"] != training.data_fingerprint:
                raise UserError(f"{folder}: the data have changed since the run began, so it cannot go on exactly")
        if process_group.rank:
            return follow(training, state)
        announce(folder)
        training.prune = prune
        record.update(**_where(parts))
        return Result(record, _conduct(parts, training, record, watch, state))


def finish(
    checked: Config, folder: Path, watch: Watch | None = None, job: Job | None = None, prune: Prune | None = None
) -> RunRecord:
    """The record of the completed run in `folder`, whatever that takes: nothing, resuming it, or training anew.

    Args:
        checked: the experiment that the folder is for, when it has to be trained anew; and where it shall go on.
        folder: need not exist; a run that was stopped before its first checkpoint is removed.
        job: as for `launch`.
        watch: as for `launch`.
        prune: as for `launch`.

    Raises:
        UserError, RunFailed, Pruned, Interrupted: as for `launch`.
    """
    status = RunRecord.load(folder)["status"] if (folder / RECORD).exists() else None
    if status == "completed":
        return RunRecord.load(folder)
    if status and Checkpoints(folder).last.exists():
        before, now = load_config(folder / CONFIG)["device"], checked.device
        moved = (before["name"], before.get("cuda_graphs", "off")) != (now.name, now.cuda_graphs)
        return resume(folder, watch, checked.device.name if moved else None, prune).record
    shutil.rmtree(folder, ignore_errors=True)
    return launch(checked, folder.parent, folder.name, job, watch, prune).record


def fitting_parts(checked: Config, process_group: ProcessGroup | None = None) -> Parts:
    """What a run of the config is made of, in one process or in each process of the process_group.

    Raises:
        UserError: the parts do not fit each other, the data or this machine.
    """
    parts = build_parts(checked, process_group)
    check_fit(checked, parts.builders, parts.data, parts.model, parts.process_group.size)
    return parts


def _where(parts: Parts) -> dict[str, Any]:
    """What run.json says of where and how the run computes."""
    return parts.place.describe() | {
        "parallel": {"name": parts.config.parallel.name, "processes": parts.process_group.size}
    }


def _conduct(
    parts: Parts,
    training: Training,
    record: RunRecord,
    watch: Watch | None,
    state: Mapping[str, Any] | None = None,
) -> float | None:
    """Train and test, with everything that happens written to the record and the trackers; returns the objective."""
    tracker, pictures = _trackers(parts.config), parts.config.tracker.tensorboard  # no other tracker shows them
    training.tracker, training.checkpoints, training.watch = tracker, Checkpoints(record.folder), watch
    with stop_on_signals() as request, ending_on_record(record, tracker, training):
        if state:
            record.resume(state["step"])
            training.checkpoints.weights("last").unlink(missing_ok=True)  # soon older than last.pt
        label = (record["job"] or {}).get("label")
        tracker.start(run_info(parts, training, record.folder, label, first_step=state["step"] if state else 0))
        if state:
            training.load_state_dict(state)
        elif parts.builders.augment is not None and pictures:
            picture = augmented_copies(parts.data.train, parts.data.spec, parts.builders.augment, parts.config.seed)
            tracker.image("train/augmented", picture, 0)
        try:
            with others_first():
                ending = train(training, request)
        except Diverged as error:
            raise RunFailed(f"{error}; {_after_divergence(training)}") from error
        training.model = parts.place.put(training.parallel.whole())  # after which the other processes leave
        training.checkpoints.save_weights("last", training.model, training.spec)
        if ending == "interrupted":
            raise Interrupted(f"stopped at step {training.step:,}", request.signal_number)
        if ending == "stopped early":
            _log.info("stopped early: no better validation metric for %d evaluations", training.stopping.stale)
        if ending != "pruned":
            _test(parts, training, request, pictures)
        if training.stopping.best is not None:
            record.update(objective={f"validation/{training.task.monitor}": training.stopping.best})
        if ending == "pruned":
            raise Pruned(f"given up at step {training.step:,}")
    if request:  # too late for this run, which is completed; not for the sweep around it
        raise Interrupted("stopped; the run is completed", request.signal_number)
    return training.stopping.best


def _after_divergence(training: Training) -> str:
    last = training.checkpoints.last
    kept = f"the last good checkpoint is {last}" if last.exists() else "there is no checkpoint yet"
    return f"{kept}; try a smaller optimizer.lr, trainer.clip_norm=1 or schedule.warmup='1 epoch'"


def _test(parts: Parts, training: Training, request: StopRequest, pictures: bool) -> None:
    """The test set, once, on the weights that validation chose; then the pictures of the results, if wanted.

    Raises:
        Interrupted: asked to stop in the middle; resuming the run tests again.
    """
    choice, best = parts.config.trainer.test, training.checkpoints.weights("best")
    if choice == "best" and training.stopping.best_step is not None:
        load_weights(best, training.model)
        training.metrics |= training.best_metrics
        _log.info("best weights: those of step %d", training.stopping.best_step)
    elif choice == "best":
        _log.info("no validation data to choose by: the last weights are tested")
    split = "test" if choice != "never" and parts.data.test is not None else "validation"
    batches = build_evaluation(parts.config, parts.data, split, parts.place)
    if batches is None:
        return
    outputs: list[torch.Tensor] = []
    limit = parts.config.trainer.evaluate_batches
    measured = evaluate(
        training.model, training.task, batches, training.autocast, limit=limit, outputs=outputs, request=request
    )
    if split == "test":
        named = {f"test/{name}": value for name, value in measured.items()}
        training.metrics |= named
        if choice != "every":  # else the loop has logged it
            training.tracker.log(training.step, training.epoch, named, milestone=False)
    if parts.data.spec.task == "classification" and pictures:
        show_results(training.tracker, parts.data.spec, getattr(parts.data, split), outputs, split, training.step)


def _trackers(checked: Config) -> Tracker:
    trackers: list[Tracker] = [MetricsFile()]
    if checked.tracker.tensorboard:
        trackers.append(TensorBoard())
    if checked.trainer.profile_steps:
        trackers.append(Profile(checked.trainer.profile_steps))
    return Trackers([*trackers, console(checked.tracker.console)])
