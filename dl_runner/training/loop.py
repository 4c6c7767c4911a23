"""The one training loop. It knows no model, loss or data set by name."""

import math
import time
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count
from typing import Literal

import torch
from torch import Tensor, nn

from dl_runner.optim.parameter_groups import weights
from dl_runner.optim.plateau import MetricSchedule
from dl_runner.parallel.strategies import whole
from dl_runner.runtime.device import peak_memory_gib
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.tasks.task import Batch, Sums
from dl_runner.training.evaluation import evaluate
from dl_runner.training.sums import Diverged, Means
from dl_runner.training.training import Training

Ending = Literal["completed", "stopped early", "interrupted", "pruned"]


def train(run: Training, request: StopRequest) -> Ending:
    """Train from the run's position to its horizon, an early stop, or a requested stop.

    Args:
        run: what to train; changed in place.
        request: looked at between two steps; when set, the state is saved and the loop ends.

    Raises:
        Diverged: a loss or a parameter is no longer finite; the last checkpoint is from before.
    """
    rhythm, per_epoch = run.rhythm, run.horizon.steps_per_epoch
    evaluate_every, log_every = rhythm.evaluate_every.steps(per_epoch), rhythm.log_every.steps(per_epoch)
    save_every, save_seconds = rhythm.checkpoint_every.steps(per_epoch), rhythm.checkpoint_every.seconds()
    stream = _stream(run)
    started = saved = time.perf_counter()
    run.model.train()
    ending = _ending(run, False)
    while not ending:
        # accumulate and step
        batch = next(stream)
        last = run.step + 1 == run.horizon.steps
        milestone = last or (run.step + 1) % evaluate_every == 0
        report = milestone or (run.step + 1) % log_every == 0
        norm = update(run, batch, measure_norm=report)
        run.step += 1
        run.tracker.progress(run.step, lambda: _train_metrics(run.means))

        # report and evaluate
        if report:
            run.means.require_finite(run.process_group)
            means = run.means.over(run.process_group)
            training = _train_metrics(means) | _diagnostics(run, norm)
            now = time.perf_counter()
            training["train/examples_per_second"] = means.examples / (run.seconds + now - started)
            if milestone:
                _evaluate(run, training)
                run.seconds = 0.0
            else:
                run.seconds += now - started
                run.tracker.log(run.step, run.epoch, training, milestone=False)
            started = time.perf_counter()

        # checkpoint and done?
        overdue = not save_every and time.perf_counter() - saved >= save_seconds
        asked, overdue = run.process_group.agree(request, overdue)
        ending = _ending(run, asked)
        due = overdue or (save_every and run.step % save_every == 0)
        if due or ending:
            run.seconds += time.perf_counter() - started
            save(run)
            started = saved = time.perf_counter()
    return ending


def update(run: Training, batch: Batch, measure_norm: bool) -> Tensor | None:
    """One optimizer step on one batch.

    Returns:
        The gradient's norm before clipping, on the device, if asked for or needed.
    """
    examples, parts = run.batches.size(run.step % run.horizon.steps_per_epoch), [batch]
    if run.rhythm.accumulate > 1:
        count = min(run.rhythm.accumulate, len(batch[1]))
        parts = list(zip(*(tensors.tensor_split(count) for tensors in batch), strict=True))
    for number, part in enumerate(parts, 1):
        with run.parallel.part(last=number == len(parts)):
            share = len(part[1]) / examples * run.parallel.scale  # a batch's mean is the weighted mean of its parts'
            compute = partial(forward_backward, run, share=share)
            sums = run.cuda_graph(compute, part) if run.cuda_graph else compute(part)
        run.means.add(sums, len(part[1]), run.step + 1)
    run.parallel.collect_gradients()
    norm = None
    if run.rhythm.clip_norm is not None:
        norm = nn.utils.clip_grad_norm_(run.model.parameters(), run.rhythm.clip_norm)
    elif measure_norm:
        gradients = [parameter.grad for parameter in run.model.parameters() if parameter.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
    norm = norm if norm is None else whole(norm)
    factor = run.schedule(run.step)
    for group, rate in zip(run.optimizer.param_groups, run.base_rates, strict=True):
        group["lr"] = rate * factor
    run.optimizer.step()
    run.model.zero_grad()
    return norm


def forward_backward(run: Training, batch: Batch, share: float = 1.0) -> Sums:
    """Forward and backward pass; adds to the gradients.

    Args:
        share: what the mean loss of this batch counts for.
    """
    with run.autocast():
        loss, sums = run.task.step(run.parallel.forward, batch)
    if run.penalty is not None:
        loss = loss + run.penalty()
    (loss if share == 1 else loss * share).backward()
    return sums


def save(run: Training) -> None:
    """Write the checkpoint, unless the state is no longer worth keeping.

    Raises:
        Diverged: a loss or a parameter is not finite; the checkpoint on disk stays as it was.
    """
    state = run.state_dict()
    _require_finite(run, state["model"])
    if run.checkpoints is not None:
        run.checkpoints.save(state)


def _require_finite(run: Training, weights: Mapping[str, Tensor]) -> None:
    run.means.require_finite(run.process_group)
    if not all(run.process_group.gather(all(bool(tensor.isfinite().all()) for tensor in weights.values()))):
        raise Diverged(run.step, "followed by parameters that are NaN or infinite")


def _ending(run: Training, asked: bool) -> Ending | None:
    if run.step >= run.horizon.steps:
        return "completed"
    if run.stopping.exhausted:
        return "stopped early"
    if asked:
        return "interrupted"
    return "pruned" if run.pruned else None


def _stream(run: Training) -> Iterator[Batch]:
    """The training batches from the run's position on, without end."""
    epoch, start = divmod(run.step, run.horizon.steps_per_epoch)
    for number in count(epoch):
        yield from run.batches.epoch(number, start)
        start = 0


def _train_metrics(means: Means) -> dict[str, float]:
    return {f"train/{name}": value for name, value in means.read().items()}


@torch.no_grad()
def _diagnostics(run: Training, norm: Tensor | None) -> dict[str, float]:
    signs = {
        "train/learning_rate": run.optimizer.param_groups[0]["lr"],
        "train/memory_gib": peak_memory_gib(run.device),
        "train/weight_norm": whole(nn.utils.get_total_norm(weights(run.model))).item(),
    }
    if norm is not None:
        signs["train/gradient_norm"] = norm.item()
    if run.penalty is not None:
        signs["train/penalty"] = run.penalty().item()
    if run.watch is not None:
        signs |= {f"train/{name}": value for name, value in run.watch(run.model).items()}
    return signs


def _evaluate(run: Training, training: dict[str, float]) -> None:
    """Evaluate every split, log one row with the training metrics, keep the weights if they are the best."""
    measured = dict(training)
    run.process_group.same_buffers(run.model)
    limit = run.rhythm.evaluate_batches
    for split, batches in run.evaluations.items():
        metrics = evaluate(run.model, run.task, batches, run.autocast, parallel=run.parallel, limit=limit)
        measured |= {f"{split}/{name}": value for name, value in metrics.items()}
    run.metrics |= measured
    run.tracker.log(run.step, run.epoch, measured, milestone=True)
    chosen_by = f"validation/{run.task.monitor}"
    if chosen_by in measured and isinstance(run.schedule, MetricSchedule):
        run.schedule.react(measured[chosen_by], run.task.mode)
    if chosen_by in measured and run.stopping.update(measured[chosen_by], run.step):
        run.best_metrics = {name: value for name, value in measured.items() if not name.startswith("train/")}
        model = run.parallel.whole()
        _require_finite(run, model.state_dict())
        if run.checkpoints is not None:
            run.checkpoints.save_weights("best", model, run.spec)
    number = math.ceil(run.step / run.rhythm.evaluate_every.steps(run.horizon.steps_per_epoch))
    run.pruned = any(run.process_group.gather(run.prune is not None and run.prune(number, measured)))
    run.means.reset()
