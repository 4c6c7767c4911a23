"""Metrics of a model on a split."""

from itertools import islice

import torch
from torch import Tensor, nn

from dl_runner.data.batches import Batches
from dl_runner.errors import Interrupted
from dl_runner.parallel.strategies import Strategy
from dl_runner.runtime.device import Autocast
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.tasks.task import Task
from dl_runner.training.sums import Means


def evaluate(
    model: nn.Module,
    task: Task,
    batches: Batches,
    autocast: Autocast,
    *,
    parallel: Strategy | None = None,
    limit: int | None = None,
    outputs: list[Tensor] | None = None,
    request: StopRequest | None = None,
) -> dict[str, float]:
    """The task's metrics over a split, in evaluation mode and without gradients.

    Args:
        parallel: the processes that measure together, each its parts of the batches; None for this one alone.
        limit: the first so many batches only; None for all.
        outputs: when given, the model's outputs are appended to it, a tensor (batch, …) each.
        request: looked at between two batches.

    Returns:
        {NAME: value}. The model's training flag is left as it was.

    Raises:
        Interrupted: a stop was requested.
    """
    means = Means(task)
    training = model.training
    keep = model.register_forward_hook(lambda *call: outputs.append(call[-1])) if outputs is not None else None
    model.eval()
    try:
        # Layers that are put together for each pass cannot be made of tensors that know no gradients.
        lockstep = parallel is not None and parallel.lockstep
        with torch.no_grad() if lockstep else torch.inference_mode(), autocast():
            for batch in islice(batches.epoch(), limit):
                if len(batch[1]):
                    _, sums = task.step(model, batch)
                    means.add(sums, len(batch[1]))
                elif lockstep:
                    model(batches.blank())
                if request:
                    raise Interrupted("stopped during the final test", request.signal_number)
    finally:
        model.train(training)
        if keep is not None:
            keep.remove()
    return (means.over(parallel.process_group) if parallel else means).read()
