"""A checked config → the objects of a run, in one visible order.

Everything that a person can get wrong is checked before any data are touched; then the data are loaded, and the
model is built → given its layers → initialized → regularized → given precision → put on its device.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from dl_runner import registry
from dl_runner.checks import arguments
from dl_runner.data.augment import compose
from dl_runner.data.batches import Batches, batches
from dl_runner.data.files import default_root
from dl_runner.data.splits import Data, fingerprint, prepare
from dl_runner.duration import Horizon
from dl_runner.errors import UserError
from dl_runner.layers.scratch.swap import from_scratch
from dl_runner.optim.parameter_groups import parameter_groups, weights
from dl_runner.plugins import load_plugins
from dl_runner.regularize.early_stopping import EarlyStopping
from dl_runner.regularize.penalties import weight_penalty
from dl_runner.regularize.step_rules import decay_before_step, limit_after_step
from dl_runner.runtime.device import (
    autocast,
    resolve_compile,
    resolve_device,
    resolve_memory_format,
    resolve_precision,
    set_threads,
)
from dl_runner.runtime.place import Place
from dl_runner.runtime.seeding import seed_everything
from dl_runner.schema import Config, Part
from dl_runner.spec import DataSpec
from dl_runner.tasks.task import Task
from dl_runner.tracking.tracker import Tracker
from dl_runner.training.loop import Rhythm, Training

EVALUATED_AT_ONCE = 2**20  # input values of an evaluation's batch

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


@dataclass(frozen=True)
class Parts:
    """What a run is made of before its folder exists."""

    config: Config
    builders: Builders
    data: Data
    model: nn.Module
    place: Place

    @property
    def parameters(self) -> int:
        return count_parameters(self.model)


def count_parameters(model: nn.Module) -> int:
    """The numbers that the model learns or holds fixed, buffers left out."""
    return sum(parameter.numel() for parameter in model.parameters())


def build_parts(config: Config) -> Parts:
    """Find the device, check the builders, load the data, build the model, in this order.

    Raises:
        UserError: the config does not fit the builders, the data or this machine.
    """
    device = build_device(config)
    builders = check_builders(config)
    data = build_data(config, builders)
    model = build_model(config, builders, data.spec)
    return Parts(config, builders, data, model, build_place(config, data.spec, model, device))


def check_builders(config: Config) -> Builders:
    """Every part's builder, with its keywords checked against the signature.

    Raises:
        UserError: an unknown name, or a keyword that is unknown, missing or ill-typed.
    """
    load_plugins(config.plugins)

    def bind(group: str, part: Part) -> Callable[..., Any]:
        function = registry.builder(group, part.name)
        return partial(function, **arguments(function, part.arguments, group, GIVEN[group]))

    transforms = [bind("augment", part)() for part in config.augment.parts]
    return Builders(
        **{group: bind(group, getattr(config, group)) for group in GIVEN if group not in ("model", "augment")},
        model=bind("model", _with_dropout(config)),
        augment=compose(transforms) if transforms else None,
    )


def _with_dropout(config: Config) -> Part:
    """The model's part, its dropout replaced by the regularization's where one is set."""
    rate, part = config.regularization.dropout, config.model
    if rate is None:
        return part
    signature = inspect.signature(registry.builder("model", part.name))
    if "dropout" not in signature.parameters:
        raise UserError(f"regularization.dropout={rate}: model {part.name} has no dropout; use regularization=none")
    return Part(name=part.name, arguments=part.arguments | {"dropout": rate})


def build_data(config: Config, builders: Builders) -> Data:
    """Load the data set and cut its splits.

    Raises:
        UserError: files that are missing or damaged, or splits that would be empty.
    """
    data, seed = config.data, config.seed
    offered = {"root": data.root or default_root(), "seed": seed, "image_size": data.image_size}
    function = builders.data.func
    wanted = {name: value for name, value in offered.items() if name in inspect.signature(function).parameters}
    return prepare(
        builders.data(**wanted),
        validation=data.validation or 0.0,
        limit=data.limit,
        image_size=data.image_size,
        normalize=data.normalize,
        seed=seed,
        folds=data.folds,
        fold=data.fold,
    )


def build_model(config: Config, builders: Builders, spec: DataSpec) -> nn.Module:
    """The initialized model, on the processor: the same weights for the same seed, whatever the device."""
    seed_everything(config.seed)
    model = builders.model(spec)
    if config.layers.name == "scratch":
        from_scratch(model)
    builders.init()(model)
    return model


def build_device(config: Config) -> torch.device:
    """The device of the config; also sets the number of processor threads.

    Raises:
        UserError: no such device here.
    """
    set_threads(config.device.threads)
    return resolve_device(config.device.name)


def build_place(config: Config, spec: DataSpec, model: nn.Module, device: torch.device) -> Place:
    """The device with the config's other settings of it, resolved for this device, task and model.

    Raises:
        UserError: a setting that this machine cannot fulfil.
    """
    asked = config.device
    precision = resolve_precision(asked.precision, device, spec.task, count_parameters(model))
    memory_format = resolve_memory_format(asked.memory_format, model, device, precision)
    compiled = resolve_compile(asked.compile, device)
    return Place(device, precision, memory_format, compiled, torch.get_num_threads(), autocast(device, precision))


def build_task(config: Config, builders: Builders, spec: DataSpec) -> Task:
    """The data's task with the config's loss and label smoothing.

    Raises:
        UserError: the loss is for another task, or the task has no labels to smooth.
    """
    task, smoothing = registry.builder("task", spec.task), config.regularization.label_smoothing
    if not smoothing:
        return task(spec, builders.loss(spec))
    if "label_smoothing" not in inspect.signature(task).parameters:
        raise UserError(
            f"regularization.label_smoothing={smoothing:g}: is for classification, but the data's task is {spec.task}; "
            "use regularization=none"
        )
    return task(spec, builders.loss(spec), label_smoothing=smoothing)


def build_horizon(config: Config, data: Data) -> Horizon:
    """The length of the run in steps."""
    steps_per_epoch = math.ceil(len(data.train) / config.data.batch_size)
    return Horizon.of(config.trainer.epochs, config.trainer.steps, steps_per_epoch)


def build_optimizer(config: Config, builders: Builders, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer with what the regularization adds to each of its steps; `model` is on its device."""
    regularization = config.regularization
    optimizer = builders.optimizer(parameter_groups(model, regularization.weight_decay))
    if regularization.decoupled:
        decay_before_step(optimizer, weights(model), regularization.decoupled)
    if regularization.max_norm is not None:
        limit_after_step(optimizer, weights(model), regularization.max_norm)
    return optimizer


def build_evaluation(config: Config, data: Data, split: str, place: Place) -> Batches | None:
    """Batches of the "train", "validation" or "test" split in their own order, unaugmented; None without the split.

    They are large, as no gradients need the memory; for a number of batches that the config names, as long as those
    of the training.
    """
    examples = getattr(data, split)
    if examples is None:
        return None
    size = config.data.batch_size
    if config.trainer.evaluate_batches is None:
        size = max(size, EVALUATED_AT_ONCE // math.prod(data.spec.input_shape))
    return batches(examples, data.spec, batch_size=size, device=place.device, memory_format=place.memory_format)


def build_training(parts: Parts) -> Training:
    """What the loop runs; the model moves to its device. Trackers and checkpoints are still to be set."""
    config, builders, data, model, place = parts.config, parts.builders, parts.data, parts.model, parts.place
    trainer, spec = config.trainer, data.spec
    task = build_task(config, builders, spec)
    place.put(model)
    if place.compiled:
        model.compile()
    train = batches(
        data.train,
        spec,
        batch_size=config.data.batch_size,
        device=place.device,
        memory_format=place.memory_format,
        shuffle=True,
        seed=config.seed,
        transform=builders.augment,
    )
    splits = ("validation", "test") if trainer.test == "every" else ("validation",)
    evaluations = {split: build_evaluation(config, data, split, place) for split in splits}
    horizon = build_horizon(config, data)
    return Training(
        model=model,
        task=task,
        optimizer=build_optimizer(config, builders, model),
        penalty=weight_penalty(weights(model), l1=config.regularization.l1, l2=config.regularization.l2),
        schedule=builders.schedule(horizon),
        batches=train,
        evaluations={split: found for split, found in evaluations.items() if found is not None},
        horizon=horizon,
        rhythm=Rhythm(
            evaluate_every=trainer.evaluate_every,
            log_every=trainer.log_every,
            checkpoint_every=trainer.checkpoint_every,
            accumulate=trainer.accumulate,
            clip_norm=trainer.clip_norm,
            evaluate_batches=trainer.evaluate_batches,
        ),
        stopping=EarlyStopping(task.mode, config.regularization.early_stopping),
        device=place.device,
        autocast=place.autocast,
        tracker=Tracker(),
        checkpoints=None,
        spec=spec,
        data_fingerprint=fingerprint(data),
        config=config.plain,
    )
