"""What the tests have several processes do. A module of its own, as the processes import it."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from helpers import double
from torch import nn

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.schema import Config, ParallelConfig
from dl_runner.config.stored import to_plain
from dl_runner.errors import Interrupted
from dl_runner.parallel.membership import member
from dl_runner.parallel.rendezvous import joined
from dl_runner.parallel.strategies import parallelize
from dl_runner.parallel.sync_batch_norm import synchronized
from dl_runner.running.launch import launch, resume
from dl_runner.runtime.interrupt import StopRequest

QUIET = (
    *("tracker.console=none", "tracker.tensorboard=false", "device=cpu"),
    *("device.precision=fp32", "device.memory_format=contiguous", "device.threads=1"),
)


def checked(*overrides: str) -> Config:
    return check_config(to_plain(compose([*QUIET, *overrides])))


def train(folder: Path, *overrides: str, stop_after: int | None = None) -> str:
    """A run in float64 in folder/run, stopped by a signal soon after so many reports if asked to; how it ended."""
    reports = 0

    def watch(model: nn.Module) -> Mapping[str, float]:
        nonlocal reports
        reports += 1
        if reports == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)
        return {}

    try:
        with double():
            launch(checked(*overrides), folder, "run", watch=watch)
    except Interrupted:
        return "interrupted"
    return "completed"


def train_and_stop(folder: Path, stop_after: int, *overrides: str) -> str:
    return train(folder, *overrides, stop_after=stop_after)


def go_on(folder: Path, parallel: dict | None = None) -> None:
    with double():
        resume(folder, parallel=parallel)


def in_group(function, *arguments):
    """Call function(process_group, *arguments) in a group."""
    with joined(ParallelConfig(name="ddp"), member(), cuda=False) as process_group:
        return function(process_group, *arguments)


def agreements(process_group, asked_by: int, at: int, steps: int) -> tuple[int | None, int | None]:
    """The step at which a stop that one process is asked for at another step reaches this one, and its signal."""
    request = StopRequest()
    for step in range(1, steps + 1):
        if process_group.rank == asked_by and step == at:
            request.signal_number = 15
        stop, _ = process_group.agree(request, False)
        if stop:
            return step, request.signal_number
    return None, None


def gathered(process_group) -> list[int]:
    return process_group.gather(process_group.rank * 10)


def norm_gradients(process_group, inputs: torch.Tensor, shares: list[int]) -> dict[str, torch.Tensor]:
    """Outputs, gradients and running statistics of this process's share of a synchronized batch normalization."""
    torch.manual_seed(0)
    layer = nn.BatchNorm2d if inputs.ndim == 4 else nn.BatchNorm1d
    model = nn.Sequential(layer(inputs.shape[1]))
    nn.init.uniform_(model[0].weight)
    model = synchronized(model, torch.device("cpu"))
    own = inputs.split(shares)[process_group.rank].clone().requires_grad_()
    outputs = model(own)
    (outputs.sin() * torch.arange(outputs.shape[1]).view(1, -1, *[1] * (inputs.ndim - 2))).sum().backward()
    return {
        "outputs": outputs.detach(),
        "inputs.grad": own.grad,
        "weight.grad": model[0].weight.grad,
        "mean": model[0].running_mean,
        "variance": model[0].running_var,
    }


def whole_weights(process_group, name: str) -> dict[str, torch.Tensor]:
    """A model's weights after it was parallelized, and gathered again."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4)))
    strategy = parallelize(model, ParallelConfig(name=name), torch.device("cpu"), process_group)
    return dict(strategy.full_model().state_dict())


def first_random_number(process_group) -> float:
    from dl_runner.build.experiment import build_experiment

    build_experiment(checked("model=mlp", "parallel=ddp"), process_group)
    return torch.rand(()).item()


def ragged_gradient(process_group, name: str, examples: int, seed: int, accumulate: int) -> tuple[float, float]:
    """How far the gradient of this process's part of a ragged batch, under ddp, is from that of the whole batch; and
    its norm."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))
    from ragged import case, distance, gradient

    from dl_runner.data.batch import part_start

    task, model, batch = case(name, examples, seed)
    whole = gradient(task, model, [batch])
    model.zero_grad()
    strategy = parallelize(model, ParallelConfig(name="ddp"), torch.device("cpu"), process_group)
    low, high = (part_start(examples, process_group.size, process_group.rank + place) for place in (0, 1))
    parts = batch._between(low, high).parts(accumulate)
    for number, part in enumerate(parts, 1):
        with strategy.part(last=number == len(parts)):
            (task.step(strategy.forward, part)[0] * strategy.scale).backward()
    strategy.collect_gradients()
    found = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    return distance(found, whole), whole.norm().item()
