"""The model of a run, in the order of what is done to it."""

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from dl_runner.build.builders import Builders
from dl_runner.config.schema import Config
from dl_runner.data.batch import blank, call
from dl_runner.errors import UserError
from dl_runner.layers.columns import reading_rows
from dl_runner.layers.scratch.swap import from_scratch
from dl_runner.optim.frozen import freeze
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.runtime.device import (
    autocast,
    resolve_compile,
    resolve_device,
    resolve_memory_format,
    resolve_precision,
    set_threads,
)
from dl_runner.runtime.seeding import seed_everything
from dl_runner.runtime.settings import DeviceSettings
from dl_runner.spec import DataSpec


def count_parameters(model: nn.Module) -> int:
    """The numbers that the model learns or holds fixed, buffers left out."""
    return sum(parameter.numel() for parameter in model.parameters())


def is_fitted(model: nn.Module) -> bool:
    """Whether the model learns from the training split before the first step, by its method `fit`."""
    return hasattr(model, "fit")


def only_fitted(model: nn.Module) -> bool:
    """Whether that is all it learns: it has no parameter for gradients."""
    return is_fitted(model) and not any(parameter.requires_grad for parameter in model.parameters())


def build_model(config: Config, builders: Builders, spec: DataSpec) -> nn.Module:
    """The initialized model, on the processor: the same weights for the same seed, whatever the device.

    Raises:
        UserError: the model does not fit the data, or has not the parameters of a group.
    """
    seed_everything(config.seed)
    model = reading_rows(builders.model(spec), spec)
    size_lazy_layers(model, spec, config.model.name)
    if config.layers.name == "scratch":
        from_scratch(model)
    builders.init()(model)
    freeze(model, config.groups)
    return model


def size_lazy_layers(model: nn.Module, spec: DataSpec, name: str) -> None:
    """Give layers such as `nn.LazyLinear` the sizes that the data bring, by a pass of blank examples.

    Args:
        name: of the model, for the message.

    Raises:
        UserError: a layer does not take what the one before it gives.
    """
    if not any(is_lazy(tensor) for tensor in (*model.parameters(), *model.buffers())):
        return
    model.eval()  # running statistics stay as they begin
    try:
        with torch.no_grad():
            call(model, blank(spec, 1).inputs)
    except (RuntimeError, TypeError, ValueError) as error:
        raise UserError(f"model={name}: does not fit the data ({str(error).strip().splitlines()[0]})") from error
    model.train()


def build_device(config: Config, process_group: ProcessGroup | None = None) -> torch.device:
    """The device of the config, one GPU for each process of the group; also sets the number of processor threads.

    Raises:
        UserError: no such device here.
    """
    set_threads(config.device.threads)
    device = resolve_device(config.device.name)
    several = process_group is not None and process_group.size > 1
    return torch.device("cuda", process_group.local_rank) if several and device.type == "cuda" else device


def build_device_settings(config: Config, spec: DataSpec, model: nn.Module, device: torch.device) -> DeviceSettings:
    """The device with the config's other settings of it, resolved for this device, data and model.

    Raises:
        UserError: a setting that this machine cannot fulfil.
    """
    asked = config.device
    precision = resolve_precision(asked.precision, device, spec, count_parameters(model))
    # fsdp cuts contiguous weights only.
    wanted = "contiguous" if config.parallel.name == "fsdp" else asked.memory_format
    memory_format = resolve_memory_format(wanted, model, device, precision)
    return DeviceSettings(
        device=device,
        precision=precision,
        memory_format=memory_format,
        compiled=resolve_compile(asked.compile, device),
        cuda_graphs=asked.cuda_graphs == "on" and device.type == "cuda",
        threads=torch.get_num_threads(),
        autocast=autocast(device, precision),
    )
