"""Train the same models in one process and in two, and print how far their losses are apart.

    python scripts/compare_parallel.py                   # LeNet and ResNet-18, 50 steps each; minutes on two cores
    python scripts/compare_parallel.py lenet --steps 20

LeNet with ReLU and maximum pooling and ResNet-18, whose batch normalization takes the statistics of the whole batch,
are trained in float64: in float32 a difference of rounding grows to a percent within some steps, also between two runs
of one process. LeNet with tanh and average pooling, which have no jumps, is trained in float32. Exit code 1 where two
processes are more than 1e-5 off.
"""

import argparse
import sys
from collections.abc import Sequence

import torch

from dl_runner.build.fit import checked_experiment
from dl_runner.build.training import build_training
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.parallel.workers import in_workers
from dl_runner.running.distributed import join_process_group
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.tracking.tracker import Tracker
from dl_runner.training.loop import train

LENET = ("model=lenet", "data.batch_size=64", "optimizer.lr=0.05")
MODELS = {
    "lenet": (torch.float64, LENET),
    "smooth_lenet": (torch.float32, (*LENET, "model.activation=tanh", "model.pooling=average")),
    "resnet18": (torch.float64, ("model=resnet18", "data.batch_size=32", "optimizer.lr=0.01")),
}
STRATEGIES = ("ddp", "fsdp", "manual")
ALLOWED = 1e-5
EXACT = ("device=cpu", "device.precision=fp32", "device.memory_format=contiguous", "device.threads=1")


class Losses(Tracker):
    """Keeps the training loss of each report."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def log(self, step: int, epoch: float, metrics: dict[str, float], *, milestone: bool) -> None:
        self.found.append(metrics["train/loss"])


def losses(dtype: torch.dtype, overrides: Sequence[str]) -> list[float]:
    """The loss of each step in this process, or in the group that it is part of.

    Args:
        dtype: of weights and inputs; no config gives them more digits than float32.
        overrides: KEY=VALUE.
    """
    checked = check_config(to_plain(compose([*EXACT, "trainer.log_every=1 step", *overrides])))
    with join_process_group(checked) as process_group:
        experiment = checked_experiment(checked, process_group)
        experiment.model.to(dtype)
        training = build_training(experiment)
        training.tracker, training.evaluator.loaders = Losses(), {}
        epoch = training.loader.epoch
        training.loader.epoch = lambda *place: (
            batch.map(lambda one: one.to(dtype) if one.is_floating_point() else one) for batch in epoch(*place)
        )
        train(training, StopRequest())
        return training.tracker.found


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)} (default: all)")
    parser.add_argument("--steps", type=int, default=50)
    given = parser.parse_args()
    if unknown := [name for name in given.models if name not in MODELS]:
        parser.error(f"{unknown[0]}: no such model; choose of {', '.join(MODELS)}")
    worst = 0.0
    print("| model | in | parallel | steps | first loss | last loss | largest difference |")
    print("|---|---|---|---|---|---|---|")
    for model in given.models or MODELS:
        dtype, overrides = MODELS[model]
        overrides = [*overrides, "data=digits", f"trainer.steps={given.steps}"]
        alone = losses(dtype, overrides)
        for name in STRATEGIES:
            shared = [*overrides, f"parallel={name}", "parallel.sync_batchnorm=true"]
            found = in_workers(2, losses, dtype, shared)
            apart = max(abs(one - other) for one, other in zip(alone, found, strict=True))
            worst = max(worst, apart)
            cells = [model, str(dtype).removeprefix("torch."), name, len(found), f"{found[0]:.4f}", f"{found[-1]:.4f}"]
            print(f"| {' | '.join(map(str, cells))} | {apart:.1e} |", flush=True)
    return int(worst > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
