"""What the tests have several processes do. A module of its own, as the processes import it."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from dl_runner import config
from dl_runner.compose import compose
from dl_runner.errors import Interrupted
from dl_runner.parallel.group import joined, member
from dl_runner.parallel.settings import ParallelConfig
from dl_runner.parallel.strategies import parallelize
from dl_runner.parallel.sync_batch_norm import synchronized
from dl_runner.run import launch, resume
from dl_runner.runtime.interrupt import StopRequest

QUIET = (
    *("tracker.console=none", "tracker.tensorboard=false", "device=cpu"),
    *("device.precision=fp32", "device.memory_format=contiguous", "device.threads=1"),
)


def checked(*overrides: str) -> config.Config:
    return config.check(config.to_plain(compose([*QUIET, *overrides])))


def train(folder: Path, *overrides: str, stop_after: int | None = None) -> str:
    """A run in folder/run, stopped by a signal soon after so many reports if asked to; how it ended."""
    reports = 0

    def watch(model: nn.Module) -> Mapping[str, float]:
        nonlocal reports
        reports += 1
        if reports == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)
        return {}

    try:
        launch(checked(*overrides), folder, "run", watch=watch)
    except Interrupted:
        return "interrupted"
    return "completed"


def train_and_stop(folder: Path, stop_after: int, *overrides: str) -> str:
    return train(folder, *overrides, stop_after=stop_after)


def go_on(folder: Path, parallel: dict | None = None) -> None:
    resume(folder, parallel=parallel)


def in_group(function, *arguments):
    """Call function(team, *arguments) in a group."""
    with joined(ParallelConfig(name="ddp"), member(), cuda=False) as team:
        return function(team, *arguments)


def agreements(team, asked_by: int, at: int, steps: int) -> tuple[int | None, int | None]:
    """The step at which a stop that one process is asked for at another step reaches this one, and its signal."""
    request = StopRequest()
    for step in range(1, steps + 1):
        if team.rank == asked_by and step == at:
            request.signal_number = 15
        stop, _ = team.agree(request, False)
        if stop:
            return step, request.signal_number
    return None, None


def gathered(team) -> list[int]:
    return team.gather(team.rank * 10)


def norm_gradients(team, inputs: torch.Tensor, shares: list[int]) -> dict[str, torch.Tensor]:
    """Outputs, gradients and running statistics of this process's share of a synchronized batch normalization."""
    torch.manual_seed(0)
    layer = nn.BatchNorm2d if inputs.ndim == 4 else nn.BatchNorm1d
    model = nn.Sequential(layer(inputs.shape[1]))
    nn.init.uniform_(model[0].weight)
    model = synchronized(model, torch.device("cpu"))
    own = inputs.split(shares)[team.rank].clone().requires_grad_()
    outputs = model(own)
    (outputs.sin() * torch.arange(outputs.shape[1]).view(1, -1, *[1] * (inputs.ndim - 2))).sum().backward()
    return {
        "outputs": outputs.detach(),
        "inputs.grad": own.grad,
        "weight.grad": model[0].weight.grad,
        "mean": model[0].running_mean,
        "variance": model[0].running_var,
    }


def whole_weights(team, name: str) -> dict[str, torch.Tensor]:
    """A model's weights after it was parallelized, and gathered again."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4)))
    strategy = parallelize(model, ParallelConfig(name=name), torch.device("cpu"), team)
    return dict(strategy.whole().state_dict())


def first_random_number(team) -> float:
    from dl_runner.build import build_parts

    build_parts(checked("model=mlp", "parallel=ddp"), team)
    return torch.rand(()).item()
