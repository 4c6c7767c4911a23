"""A checked config → the objects of a run, in one visible order.

Everything that a person can get wrong is checked before any data are touched; then the data are loaded, and the
model is built → initialized → regularized → given precision → put on its device.
"""

import copy
import importlib
import importlib.metadata
import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dl_runner import registry
from dl_runner.checks import arguments
from dl_runner.config import Config, Part
from dl_runner.data.augment import compose
from dl_runner.data.batches import Batches, batches
from dl_runner.data.files import default_root
from dl_runner.data.splits import Data, prepare
from dl_runner.duration import Horizon
from dl_runner.errors import UserError
from dl_runner.optim.parameter_groups import parameter_groups
from dl_runner.regularize.early_stopping import EarlyStopping
from dl_runner.runtime.device import Autocast, autocast, resolve_device, resolve_precision, set_threads
from dl_runner.runtime.seeding import seed_everything
from dl_runner.spec import DataSpec
from dl_runner.tasks.task import Task
from dl_runner.tracking.tracker import Tracker
from dl_runner.training.checkpoint import Checkpoints
from dl_runner.training.loop import Rhythm, Training

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
class Place:
    """Where and in what precision a run computes."""

    device: torch.device
    precision: str
    autocast: Autocast


def load_plugins(names: list[str]) -> None:
    """Import the modules that add builders: installed entry points, then `names`.

    Modules are also found in the working directory, as with `python -m`.

    Raises:
        UserError: no such module.
    """
    for entry in importlib.metadata.entry_points(group=registry.ENTRY_POINTS):
        entry.load()
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise UserError(
                f"plugins={name}: no such module; install it, or start dlrun in the folder that holds it"
            ) from None


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
        validation=data.validation,
        limit=data.limit,
        image_size=data.image_size,
        normalize=data.normalize,
        seed=seed,
    )


def build_model(config: Config, builders: Builders, spec: DataSpec) -> nn.Module:
    """The initialized model, on the processor: the same weights for the same seed, whatever the device."""
    seed_everything(config.seed)
    model = builders.model(spec)
    builders.init()(model)
    return model


def build_device(config: Config) -> torch.device:
    """The device of the config; also sets the number of processor threads.

    Raises:
        UserError: no such device here.
    """
    set_threads(config.device.threads)
    return resolve_device(config.device.name)


def build_place(config: Config, spec: DataSpec, device: torch.device) -> Place:
    """The device with the precision of the config, resolved for this device and task."""
    precision = resolve_precision(config.device.precision, device, spec.task)
    return Place(device, precision, autocast(device, precision))


def check_fit(config: Config, builders: Builders, data: Data, model: nn.Module) -> None:
    """Check what can only be known with the data and the model at hand, before a run folder is made.

    Raises:
        UserError: a loss for another task, augmented vectors, early stopping without validation data, or an example
            left alone where batch normalization needs two.
    """
    build_task(builders, data.spec)
    if builders.augment is not None and not data.spec.is_image:
        raise UserError("augment: works on images, and the data set holds vectors; use augment=none")
    patience = config.regularization.early_stopping
    if patience and data.validation is None:
        raise UserError(
            f"regularization.early_stopping={patience}: there are no validation data to watch; set data.validation=0.1"
        )

    size, examples = config.data.batch_size, len(data.train)
    if 1 in _part_sizes(examples, size, config.trainer.accumulate) and not _takes_one(model, data.spec):
        raise UserError(
            f"data.batch_size={size}: {examples} training examples cut into such batches, each of "
            f"trainer.accumulate={config.trainer.accumulate} parts, leave one example alone, and the batch "
            f"normalization of {config.model.name} needs two; choose another batch size"
        )


def _part_sizes(examples: int, batch_size: int, parts: int) -> set[int]:
    """The numbers of examples that one forward pass of training may get."""
    sizes = set()
    for batch in {min(batch_size, examples), examples % batch_size} - {0}:
        part = math.ceil(batch / parts)
        sizes |= {part, batch % part or part}
    return sizes


def _takes_one(model: nn.Module, spec: DataSpec) -> bool:
    """Whether a model can train on one example. Batch normalization cannot where its feature maps are 1×1."""
    with torch.random.fork_rng(devices=[]):
        try:
            copy.deepcopy(model).train()(torch.zeros(1, *spec.input_shape))
        except ValueError:
            return False
    return True


def build_task(builders: Builders, spec: DataSpec) -> Task:
    """The data's task with the config's loss.

    Raises:
        UserError: the loss is for another task.
    """
    return registry.builder("task", spec.task)(spec, builders.loss(spec))


def build_evaluation(config: Config, data: Data, split: str, device: torch.device) -> Batches | None:
    """Batches of the "train", "validation" or "test" split in their own order, unaugmented; None without the split."""
    examples = getattr(data, split)
    if examples is None:
        return None
    return batches(examples, data.spec, batch_size=config.data.batch_size, device=device)


def build_training(
    config: Config, builders: Builders, data: Data, model: nn.Module, place: Place, tracker: Tracker, folder: Path
) -> Training:
    """What the loop runs; `model` moves to the place's device."""
    trainer, spec = config.trainer, data.spec
    task = build_task(builders, spec)
    model.to(place.device)
    train = batches(
        data.train,
        spec,
        batch_size=config.data.batch_size,
        device=place.device,
        shuffle=True,
        seed=config.seed,
        transform=builders.augment,
    )
    splits = ("validation", "test") if trainer.test == "every" else ("validation",)
    evaluations = {split: build_evaluation(config, data, split, place.device) for split in splits}
    horizon = Horizon.of(trainer.epochs, trainer.steps, len(train))
    return Training(
        model=model,
        task=task,
        optimizer=builders.optimizer(parameter_groups(model, config.regularization.weight_decay)),
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
        tracker=tracker,
        checkpoints=Checkpoints(folder),
        spec=spec,
        config=config.plain,
    )
