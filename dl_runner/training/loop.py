"""The one training loop. It knows no model, loss or data set by name.

A model with a method `fit(batches)` is given the training split first, once and in its order: it may count, or keep
examples, in its buffers. Where that is all it learns, it has no parameters, the run no steps, and one evaluation is it.
"""

import math
import time
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Literal

import torch
from torch import Tensor, nn

from dl_runner.data.batch import Batch
from dl_runner.errors import Interrupted
from dl_runner.optim.parameter_groups import weights
from dl_runner.optim.plateau import MetricSchedule
from dl_runner.parallel.strategies import full_tensor
from dl_runner.runtime.device import peak_memory_gib
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.runtime.progress import tracked
from dl_runner.tasks.task import chooses
from dl_runner.training.intervals import due
from dl_runner.training.showing import show, show_due
from dl_runner.training.sums import Diverged, MetricSums
from dl_runner.training.training import Training

StopReason = Literal["completed", "stopped early", "stopped", "interrupted", "pruned"]


def train(run: Training, request: StopRequest) -> StopReason:
    """Train from the run's position to its horizon, an early stop, a callback's, or a requested one.

    Args:
        run: what to train; changed in place.
        request: looked at between two steps; when set, the state is saved and the loop ends.

    Raises:
        Diverged: a loss or a parameter is no longer finite; the last checkpoint is from before.
    """
    intervals, horizon, progress = run.intervals, run.horizon, run.progress
    save_every, save_seconds = intervals.checkpoint.steps(horizon.steps_per_epoch), intervals.checkpoint.seconds()
    stream = _stream(run)
    started = saved = time.perf_counter()
    run.model.train()
    _fit(run)
    run.callbacks.start()
    reason = None if progress.unevaluated is not None else _stop_reason(run, False)
    while not reason:
        # step
        training = progress.unevaluated
        milestone = report = training is not None
        if training is None:
            milestone = due(intervals.evaluate, progress.step + 1, horizon)
            report = milestone or due(intervals.log, progress.step + 1, horizon)
            if hasattr(run.task, "before_step"):
                run.task.before_step(progress.step, horizon)
            norm = run.update(next(stream), progress.step, run.sums, measure_norm=report)
            progress.step += 1
            run.tracker.progress(progress.step, lambda: _train_metrics(run.sums))
            if run.callbacks.after_step():  # what has been learnt by then is measured as well
                milestone = report = True

        # report and evaluate
        if report:
            if training is None:
                run.sums.require_finite(run.process_group)
                sums = run.sums.over(run.process_group)
                training = _train_metrics(sums) | _diagnostics(run, norm)
                now = time.perf_counter()
                progress.seconds += now - started
                training |= {
                    f"train/{name}_per_second": total / progress.seconds for name, total in sums.counts.items()
                }
            if milestone:
                progress.unevaluated = training
                try:
                    _evaluate(run, training, request)
                except Interrupted:  # a run that goes on from this checkpoint begins with the evaluation
                    save(run)
                    return "interrupted"
                progress.unevaluated, progress.seconds = None, 0.0
            else:
                run.tracker.log(progress.step, run.epoch, training, milestone=False)
            started = time.perf_counter()
        if show_due(run):
            progress.seconds += time.perf_counter() - started
            show(run)
            started = time.perf_counter()

        # checkpoint and done?
        overdue = not save_every and time.perf_counter() - saved >= save_seconds
        asked, overdue = run.process_group.agree(request, overdue)
        reason = _stop_reason(run, asked)
        if overdue or reason or (save_every and progress.step % save_every == 0):
            progress.seconds += time.perf_counter() - started
            save(run)
            started = saved = time.perf_counter()
    return reason


@torch.no_grad()
def _fit(run: Training) -> None:
    """Each process fits its model to the whole split, so that they are the same everywhere."""
    if run.fitting is None or run.progress.fitted:
        return
    run.model.fit(tracked(run.fitting.epoch(), "fitting batches", len(run.fitting)))
    run.progress.fitted = True
    if not run.horizon.steps:
        run.progress.unevaluated = {}


def save(run: Training) -> None:
    """Write the checkpoint, unless the state is no longer worth keeping.

    Raises:
        Diverged: a loss or a parameter is not finite; the checkpoint on disk stays as it was.
    """
    state = run.state_dict()
    _require_finite(run, state["model"])
    if run.checkpoints is not None:
        measured = run.measured(run.step) if run.measured else None
        run.checkpoints.save({**run.identity, "measured": measured, "state": state})


def _require_finite(run: Training, weights: Mapping[str, Tensor]) -> None:
    run.sums.require_finite(run.process_group)
    finite = all(bool(tensor.isfinite().all()) for tensor in weights.values())
    if not all(run.process_group.gather(finite)):
        raise Diverged(run.step, "followed by parameters that are NaN or infinite")


def _stop_reason(run: Training, asked: bool) -> StopReason | None:
    if run.step >= run.horizon.steps:
        return "completed"
    if run.stopping.exhausted:
        return "stopped early"
    if run.progress.stopped is not None:
        return "stopped"
    if asked:
        return "interrupted"
    return "pruned" if run.pruned else None


def _stream(run: Training) -> Iterator[Batch]:
    """The training batches from the run's position on, without end."""
    epoch, start = divmod(run.step, run.horizon.steps_per_epoch)
    for number in count(epoch):
        yield from run.loader.epoch(number, start)
        start = 0


def _train_metrics(sums: MetricSums) -> dict[str, float]:
    return {f"train/{name}": value for name, value in sums.read().items()}


@torch.no_grad()
def _diagnostics(run: Training, norm: Tensor | None) -> dict[str, float]:
    update = run.update
    found = {
        "train/learning_rate": update.optimizer.param_groups[0]["lr"],
        "train/memory_gib": peak_memory_gib(run.loader.device),
        "train/weight_norm": full_tensor(nn.utils.get_total_norm(weights(run.model))).item(),
    }
    if norm is not None:
        found["train/gradient_norm"] = norm.item()
    if update.penalty is not None:
        found["train/penalty"] = update.penalty().item()
    if run.watch is not None:
        found |= {f"train/{name}": value for name, value in run.watch(run.model).items()}
    return found


def _meter_due(run: Training) -> bool:
    """At each evaluation, or at the first one after so many steps as `trainer.meter_every` says."""
    if run.intervals.meter is None or run.step >= run.horizon.steps:
        return True
    every, evaluate = (one.steps(run.horizon.steps_per_epoch) for one in (run.intervals.meter, run.intervals.evaluate))
    return run.step // every > max(0, run.step - evaluate) // every


def _evaluate(run: Training, training: dict[str, float], request: StopRequest) -> None:
    """Evaluate every split, log one row with the training metrics, keep the weights if they are the best.

    Raises:
        Interrupted: asked to stop; nothing has been logged or kept.
    """
    measured = training | run.evaluator.evaluate(request)
    if _meter_due(run):
        measured |= run.evaluator.measure(request)
    measured |= run.callbacks.after_evaluation(measured)
    run.metrics.update(measured)
    run.tracker.log(run.step, run.epoch, measured, milestone=True)
    metric = chooses(run.task)
    value = measured.get(f"validation/{metric.name}")
    if value is not None and isinstance(run.schedule, MetricSchedule):
        run.schedule.react(value, metric.better)
    if value is not None and run.stopping.update(value, run.step):
        run.progress.best_metrics = {name: value for name, value in measured.items() if not name.startswith("train/")}
        model = run.update.strategy.full_model()
        _require_finite(run, model.state_dict())
        if run.checkpoints is not None:
            run.checkpoints.save_weights("best", model, run.spec, run.origin)
    number = max(1, math.ceil(run.step / run.intervals.evaluate.steps(run.horizon.steps_per_epoch)))
    run.pruned = any(run.process_group.gather(run.prune is not None and run.prune(number, measured)))
    run.sums.reset()
