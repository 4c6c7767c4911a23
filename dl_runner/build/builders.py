"""The functions that make the parts of a run, found by their names, their keywords checked and bound."""

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from dl_runner import registry
from dl_runner.config.types import arguments
from dl_runner.data.augment import compose
from dl_runner.data.splits import Data
from dl_runner.errors import UserError
from dl_runner.plugins import load_plugins
from dl_runner.config.schema import Config, Component

# Parameters of the builders that the program fills in; a config may not.
GIVEN = {
    "data": {"root", "seed", "image_size"},
    "model": {"data"},
    "loss": {"data"},
    "optimizer": {"groups"},
    "schedule": {"horizon"},
    "init": set(),
    "augment": set(),
}


@dataclass(frozen=True)
class Builders:
    """One function per part with its keywords checked and bound; still to be called with what the program gives."""

    data: Callable[..., Data]
    model: Callable[..., nn.Module]
    loss: Callable[..., Any]
    optimizer: Callable[..., torch.optim.Optimizer]
    schedule: Callable[..., Callable[[int], float]]
    init: Callable[..., Callable[[nn.Module], None]]
    augment: Callable[..., Any] | None


def check_builders(config: Config) -> Builders:
    """Every part's builder, with its keywords checked against the signature.

    Raises:
        UserError: an unknown name, or a keyword that is unknown, missing or ill-typed.
    """
    load_plugins(config.plugins)

    def bind(group: str, part: Component) -> Callable[..., Any]:
        function = registry.builder(group, part.builder_name)
        return partial(function, **arguments(function, part.arguments, group, GIVEN[group]))

    transforms = [bind("augment", part)() for part in config.augment.parts]
    return Builders(
        **{group: bind(group, getattr(config, group)) for group in GIVEN if group not in ("model", "augment")},
        model=bind("model", _with_dropout(config)),
        augment=compose(transforms) if transforms else None,
    )


def _with_dropout(config: Config) -> Component:
    """The model's part, its dropout replaced by the regularization's where one is set."""
    rate, part = config.regularization.dropout, config.model
    if rate is None:
        return part
    signature = inspect.signature(registry.builder("model", part.builder_name))
    if "dropout" not in signature.parameters:
        raise UserError(f"regularization.dropout={rate}: model {part.name} has no dropout; use regularization=none")
    return dataclasses.replace(part, arguments=part.arguments | {"dropout": rate})
