"""A checked config → the objects of a run, in one visible order.

Everything that a person can get wrong is checked before any data are touched; then the data are loaded, and the
model is built → given its layers → initialized → regularized → given precision → put on its device.
"""

import inspect
import math
from dataclasses import dataclass

import torch
from torch import nn

from dl_runner import registry
from dl_runner.build.builders import Builders, check_builders
from dl_runner.data.batches import Batches, batches
from dl_runner.data.files import default_root
from dl_runner.data.splits import Data, fingerprint, prepare
from dl_runner.config.durations import Horizon
from dl_runner.errors import UserError
from dl_runner.layers.scratch.swap import from_scratch
from dl_runner.optim.parameter_groups import parameter_groups, weights
from dl_runner.parallel.strategies import devices, parallelize
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.regularize.early_stopping import EarlyStopping
from dl_runner.regularize.penalties import weight_penalty
from dl_runner.regularize.step_rules import decay_before_step, limit_after_step
from dl_runner.runtime.cuda_graph import CudaGraphStep
from dl_runner.runtime.device import (
    autocast,
    check_cuda_graphs,
    resolve_compile,
    resolve_device,
    resolve_memory_format,
    resolve_precision,
    set_threads,
)
from dl_runner.runtime.settings import DeviceSettings
from dl_runner.runtime.seeding import seed_everything
from dl_runner.config.schema import Config
from dl_runner.spec import DataSpec
from dl_runner.tasks.task import Task
from dl_runner.tracking.tracker import Tracker
from dl_runner.training.rhythm import Rhythm
from dl_runner.training.training import Training

EVALUATED_AT_ONCE = 2**20  # input values of an evaluation's batch


@dataclass(frozen=True)
class Parts:
    """What a run is made of before its folder exists."""

    config: Config
    builders: Builders
    data: Data
    model: nn.Module
    place: DeviceSettings
    process_group: ProcessGroup

    @property
    def parameters(self) -> int:
        return count_parameters(self.model)


def count_parameters(model: nn.Module) -> int:
    """The numbers that the model learns or holds fixed, buffers left out."""
    return sum(parameter.numel() for parameter in model.parameters())


def build_parts(config: Config, process_group: ProcessGroup | None = None) -> Parts:
    """Find the device, check the builders, load the data, build the model, in this order.

    Args:
        process_group: of this process; None for a run in one process.

    Raises:
        UserError: the config does not fit the builders, the data or this machine.
    """
    process_group = process_group or ProcessGroup()
    device = build_device(config, process_group)
    check_cuda_graphs(config.device.cuda_graphs, device)
    builders = check_builders(config)
    data = build_data(config, builders)
    model = build_model(config, builders, data.spec)
    if config.parallel.name == "data_parallel":
        devices(config.parallel, device)
    if process_group.rank:  # the same weights everywhere, but each process draws its own dropout
        seed_everything(config.seed, process_group.rank)
    return Parts(config, builders, data, model, build_place(config, data.spec, model, device), process_group)


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


def build_device(config: Config, process_group: ProcessGroup | None = None) -> torch.device:
    """The device of the config, one GPU for each process of the process_group; also sets the number of processor threads.

    Raises:
        UserError: no such device here.
    """
    set_threads(config.device.threads)
    device = resolve_device(config.device.name)
    return torch.device("cuda", process_group.local_rank) if process_group and process_group.size > 1 and device.type == "cuda" else device


def build_place(config: Config, spec: DataSpec, model: nn.Module, device: torch.device) -> DeviceSettings:
    """The device with the config's other settings of it, resolved for this device, task and model.

    Raises:
        UserError: a setting that this machine cannot fulfil.
    """
    asked = config.device
    precision = resolve_precision(asked.precision, device, spec.task, count_parameters(model))
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


def build_evaluation(
    config: Config, data: Data, split: str, place: DeviceSettings, share: tuple[int, int] = (0, 1)
) -> Batches | None:
    """Batches of the "train", "validation" or "test" split in their own order, unaugmented; None without the split.

    They are large, as no gradients need the memory; for a number of batches that the config names, as long as those
    of the training. `share` is as for `Batches`.
    """
    examples = getattr(data, split)
    if examples is None:
        return None
    size = config.data.batch_size
    if config.trainer.evaluate_batches is None:
        size = max(size, share[1] * EVALUATED_AT_ONCE // math.prod(data.spec.input_shape))
    options = {"device": place.device, "memory_format": place.memory_format, "share": share}
    return batches(examples, data.spec, batch_size=size, **options)


def build_training(parts: Parts) -> Training:
    """What the loop runs; the model moves to its device. Trackers and checkpoints are still to be set."""
    config, builders, data, model, place = parts.config, parts.builders, parts.data, parts.model, parts.place
    trainer, spec, share = config.trainer, data.spec, (parts.process_group.rank, parts.process_group.size)
    task = build_task(config, builders, spec)
    place.put(model)
    parallel = parallelize(model, config.parallel, place.device, parts.process_group)
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
        share=share,
    )
    optimizer = build_optimizer(config, builders, model)
    parallel.fit(optimizer)
    splits = ("validation", "test") if trainer.test == "every" else ("validation",)
    evaluations = {split: build_evaluation(config, data, split, place, share) for split in splits}
    horizon = build_horizon(config, data)
    return Training(
        model=model,
        parallel=parallel,
        cuda_graph=CudaGraphStep(model) if place.cuda_graphs else None,
        task=task,
        optimizer=optimizer,
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
