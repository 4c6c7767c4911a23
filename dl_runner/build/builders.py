"""The functions that make the components of a run, found by their names, their keywords checked and bound."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from dl_runner import registry
from dl_runner.config.paths import plain_paths
from dl_runner.config.schema import Component, Config
from dl_runner.config.types import arguments
from dl_runner.data.dataset import Data
from dl_runner.data.transforms import compose
from dl_runner.errors import UserError
from dl_runner.plugins import load_plugins
from dl_runner.tasks.task import Task

AUTO = "auto"  # a task or tokenizer that the data choose


@dataclass(frozen=True)
class Builders:
    """One function per component with its keywords checked and bound; still to be called with what the program gives.

    Args:
        task: None for the data's own.
        tokenizer: None for the data's own.
        metrics: by the name under which each is reported.
        callbacks: by name.
        paths: dotted key of the config → the absolute path, or several, that the builder has for it.
    """

    data: Callable[..., Data]
    tokenizer: Callable[..., Any] | None
    model: Callable[..., nn.Module]
    task: Callable[..., Task] | None
    loss: Callable[..., Any]
    metrics: Mapping[str, Callable[..., Any]]
    callbacks: Mapping[str, Callable[..., Any]]
    optimizer: Callable[..., torch.optim.Optimizer]
    schedule: Callable[..., Callable[[int], float]]
    init: Callable[..., Callable[[nn.Module], None]]
    augment: Callable[..., Any] | None
    paths: Mapping[str, Any]


def check_builders(config: Config) -> Builders:
    """Every component's builder, with its keywords checked against the signature.

    Raises:
        UserError: an unknown name, or a keyword that is unknown, missing or ill-typed.
    """
    load_plugins(config.plugins)
    found = {
        group: _bound(group, getattr(config, group)) for group in ("data", "loss", "optimizer", "schedule", "init")
    }
    chosen = {group: _chosen(group, getattr(config, group)) for group in ("task", "tokenizer")}
    transforms = [_bound("augment", component) for component in config.augment.components]
    model = _bound("model", _with_dropout(config))
    callbacks = {one.name: _bound("callback", one, f"callback.{one.name}") for one in config.callbacks}
    numbered = {f"augment.transforms.{place}": one for place, one in enumerate(transforms)}
    numbered |= {f"callback.{name}": one for name, one in callbacks.items()}
    return Builders(
        **found,
        **chosen,
        model=model,
        metrics={one.name: _bound("metric", one, f"metric.{one.name}") for one in config.metrics},
        callbacks=callbacks,
        augment=compose([transform() for transform in transforms]) if transforms else None,
        paths=_paths({**found, **chosen, **numbered, "model": model}),
    )


def _bound(group: str, component: Component, place: str = "") -> Callable[..., Any]:
    function = registry.builder(group, component.builder_name)
    return partial(function, **arguments(function, component.arguments, place or group, registry.GIVEN[group]))


def _paths(bound: Mapping[str, Any]) -> dict[str, Any]:
    keywords = {f"{key}.{name}": value for key, one in bound.items() if one for name, value in one.keywords.items()}
    plain = {key: plain_paths(value) for key, value in keywords.items()}
    return {key: value for key, value in plain.items() if value is not None}


def _chosen(group: str, component: Component) -> Callable[..., Any] | None:
    if component.builder_name != AUTO:
        return _bound(group, component)
    for name, value in component.arguments.items():
        raise UserError(f"{group}.{name}={value}: name the {group} that it is for, as in {group}=NAME")
    return None


def _with_dropout(config: Config) -> Component:
    """The model's component, its dropout replaced by the regularization's where one is set."""
    rate, component = config.regularization.dropout, config.model
    if rate is None:
        return component
    signature = inspect.signature(registry.builder("model", component.builder_name))
    if "dropout" not in signature.parameters:
        raise UserError(
            f"regularization.dropout={rate}: model {component.name} has no dropout; use regularization=none"
        )
    return dataclasses.replace(component, arguments=component.arguments | {"dropout": rate})


def offered(function: Callable[..., Any], values: dict[str, Any]) -> dict[str, Any]:
    """Those of the values that a builder asks for."""
    inside = function.func if isinstance(function, partial) else function
    return {name: value for name, value in values.items() if name in inspect.signature(inside).parameters}
