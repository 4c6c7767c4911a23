"""A checked config → the parts of a run before it has a folder, each built once.

Everything that a person can get wrong is checked before any data are touched; then the data are loaded and the model is
built; then the parts are checked against each other.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from torch import nn

from dl_runner import registry
from dl_runner.build.builders import Builders, check_builders, offered
from dl_runner.build.data import build_data
from dl_runner.build.model import build_device, build_device_settings, build_model, count_parameters, only_fitted
from dl_runner.build.pretrained import Loaded, load_pretrained
from dl_runner.build.teacher import load_teacher
from dl_runner.config.durations import Horizon
from dl_runner.config.paths import with_values
from dl_runner.config.schema import Config
from dl_runner.data.dataset import Data, Fitted
from dl_runner.errors import UserError
from dl_runner.optim.schedules import Schedule
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.parallel.strategies import devices
from dl_runner.runtime.device import check_cuda_graphs
from dl_runner.runtime.seeding import seed_everything
from dl_runner.runtime.settings import DeviceSettings
from dl_runner.spec import DataSpec
from dl_runner.tasks.measured import measured
from dl_runner.tasks.task import Task
from dl_runner.tasks.teacher import Teacher


@dataclass(frozen=True)
class Experiment:
    """The parts of a run.

    Args:
        config: with the paths that the builders have been given.
        model: initialized, on the processor.
        loaded: which of its weights were trained before; None if none.
        device_settings: where and how it will compute.
        process_group: the processes that share each batch, of which this is one.
    """

    config: Config
    builders: Builders
    data: Data
    model: nn.Module
    loaded: Loaded | None
    task: Task
    horizon: Horizon
    schedule: Schedule
    device_settings: DeviceSettings
    process_group: ProcessGroup

    @property
    def spec(self) -> DataSpec:
        return self.data.spec

    @property
    def parameters(self) -> int:
        return count_parameters(self.model)


def build_experiment(
    config: Config,
    process_group: ProcessGroup | None = None,
    fitted: Fitted | None = None,
    *,
    pretrained: bool = True,
    data: Data | None = None,
) -> Experiment:
    """Find the device, check the builders, load the data, build the model and the task, in this order.

    Args:
        process_group: of this process; None for a run in one process.
        fitted: what an earlier run of the config has fitted to its data, to be used again.
        pretrained: whether to load the weights that the config names; not where a checkpoint's follow.
        data: those of the config, where they have been loaded before.

    Raises:
        UserError: the config does not fit the builders, the data or this machine.
    """
    process_group = process_group or ProcessGroup()
    device = build_device(config, process_group)
    check_cuda_graphs(config.device.cuda_graphs, device)
    builders = check_builders(config)
    config = replace(config, plain=with_values(config.plain, builders.paths))
    data = data or build_data(config, builders, fitted, quiet=process_group.rank > 0)
    task = build_task(config, builders, data.spec, data.fitted, partial(load_teacher, device, fitted=data.fitted))
    horizon = build_horizon(config, data)
    model = build_model(config, builders, data.spec)
    if only_fitted(model) and config.pretrained.source is not None:
        raise UserError(
            f"pretrained.from={config.pretrained.source}: model={config.model.name} is fitted to the training data, "
            "and begins with nothing; use pretrained=none"
        )
    loaded = load_pretrained(model, config.pretrained, data.fitted) if pretrained else None
    if config.parallel.name == "data_parallel":
        devices(config.parallel, device)
    if process_group.rank:  # the same weights everywhere, but each process draws its own dropout
        seed_everything(config.seed, process_group.rank)
    return Experiment(
        config=config,
        builders=builders,
        data=data,
        model=model,
        loaded=loaded,
        task=task,
        horizon=horizon,
        schedule=builders.schedule(horizon),
        device_settings=build_device_settings(config, data.spec, model, device),
        process_group=process_group,
    )


def build_task(
    config: Config,
    builders: Builders,
    spec: DataSpec,
    fitted: Fitted | None,
    load: Callable[[str, str | None], Teacher] | None = None,
) -> Task:
    """The config's task, or the data's own, with the config's loss, label smoothing and metrics.

    Args:
        load: loads a teacher, (run folder, hash of its weights); None where nothing is learnt.

    Raises:
        UserError: the loss, the task or a metric is for other targets, the task has no labels to smooth, or there is no
            such metric to choose the weights by.
    """
    builder = builders.task or registry.builder("task", spec.task)
    name = config.task.name if builders.task else spec.task
    smoothing = config.regularization.label_smoothing
    loss = builders.loss(spec)
    values = {"data": spec, "loss": loss, "load": load, "fitted": fitted, "label_smoothing": smoothing}
    values["seed"] = config.seed
    given = offered(builder, values)
    if smoothing and "label_smoothing" not in given:
        raise UserError(
            f"regularization.label_smoothing={smoothing:g}: is for classification and translation, not for {name}; "
            "use regularization=none"
        )
    task = builder(**given)
    extras = {name: build(spec, name) for name, build in builders.metrics.items()}
    return measured(task, extras, config.trainer.monitor)


def build_horizon(config: Config, data: Data) -> Horizon:
    """The length of the run in steps.

    Raises:
        UserError: the training split does not make one batch.
    """
    steps_per_epoch = len(data.samplers.training(data.train, config.data.batch_size, config.seed))
    return Horizon.of(config.trainer.epochs, config.trainer.steps, steps_per_epoch)
