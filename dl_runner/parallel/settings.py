"""The `parallel` group of the config. Imports no torch."""

from dataclasses import dataclass
from typing import Literal

from dl_runner.checks import Positive, PositiveInt
from dl_runner.errors import UserError

GROUPED = ("ddp", "fsdp", "manual")  # these run one process per device


@dataclass(frozen=True, kw_only=True)
class ParallelConfig:
    """The comments in conf/parallel/ say what each key means; the defaults are what older run folders have run with."""

    name: Literal["none", "data_parallel", "ddp", "fsdp", "manual"] = "none"
    devices: PositiveInt | None = None
    sync_batchnorm: bool = False
    timeout: Positive = 60.0

    @property
    def grouped(self) -> bool:
        """Whether the run takes several processes."""
        return self.name in GROUPED


ONE_DEVICE = ParallelConfig()


def check_parallel(
    config: ParallelConfig,
    *,
    batch_size: int,
    layers: str,
    memory_format: str,
    l1: float,
    l2: float,
    max_norm: float | None,
) -> None:
    """Check what can be known without torch.

    Args:
        batch_size, layers, memory_format, l1, l2, max_norm: of the config's other groups.

    Raises:
        UserError: several devices for a run on one, fewer examples than devices, or a part that cannot be shared out.
    """
    name, devices = config.name, config.devices
    if name == "none" and (devices or 1) > 1:
        raise UserError(f"parallel.devices={devices}: parallel=none uses one; choose parallel=ddp")
    if (devices or 1) > batch_size:
        raise UserError(
            f"data.batch_size={batch_size}: is the whole batch, and parallel.devices={devices} need at least one "
            "example each; choose a larger batch or fewer devices"
        )
    if config.sync_batchnorm and not config.grouped:
        raise UserError(f"parallel.sync_batchnorm=true: parallel={name} has nothing to synchronize; use parallel=ddp")
    if config.sync_batchnorm and layers == "scratch":
        raise UserError(
            "parallel.sync_batchnorm=true: replaces torch's layers, and layers=scratch has others; use layers=torch"
        )
    if name == "fsdp" and memory_format == "channels_last":
        raise UserError("device.memory_format=channels_last: parallel=fsdp cuts contiguous weights only; use auto")
    sharded = {"l1": l1, "l2": l2, "max_norm": max_norm} if name == "fsdp" else {}
    for key, value in sharded.items():
        if value:
            raise UserError(
                f"regularization.{key}={value:g}: needs whole weights, and parallel=fsdp cuts them up; "
                "use regularization.weight_decay, or parallel=ddp"
            )
