"""The parts of an experiment → what the loop runs, in one visible order.

The model that was built, given its layers, initialized and loaded goes to its device, is shared out to the processes
and compiled; then come its optimizer with what the regularization adds to each step, and everything around the step.
"""

import inspect
from dataclasses import replace

import torch

from dl_runner.build.data import evaluation_loader, fitting_loader, training_loader
from dl_runner.build.experiment import Experiment
from dl_runner.build.model import is_fitted, only_fitted
from dl_runner.data.loader import Loader
from dl_runner.errors import UserError
from dl_runner.optim.frozen import Frozen
from dl_runner.optim.parameter_groups import parameter_groups, weights
from dl_runner.optim.plateau import MetricSchedule
from dl_runner.parallel.strategies import parallelize
from dl_runner.regularize.early_stopping import EarlyStopping
from dl_runner.regularize.penalties import weight_penalty
from dl_runner.regularize.step_rules import decay_before_step, limit_after_step
from dl_runner.tasks.task import chooses
from dl_runner.training.callbacks import Callbacks
from dl_runner.training.cuda_graph import CudaGraphStep
from dl_runner.training.evaluation import Evaluator
from dl_runner.training.intervals import Intervals
from dl_runner.training.state import (
    ModelState,
    OptimizerState,
    Progress,
    RandomState,
    Stateful,
    SumsState,
    TaskState,
)
from dl_runner.training.sums import MetricSums
from dl_runner.training.training import Training
from dl_runner.training.update import Update


def build_training(experiment: Experiment) -> Training:
    """What the loop runs; the model moves to its device. Trackers and checkpoints are still to be set.

    Raises:
        UserError: an augmentation of what is no image, a group of parameters that the model has not, or a callback that
            cannot work in this run.
    """
    update = _update(experiment)
    config, task = experiment.config, experiment.task
    trainer, group, horizon = config.trainer, experiment.process_group, experiment.horizon
    if only_fitted(experiment.model):
        horizon = replace(horizon, steps=0)
    sums, progress = MetricSums(task), Progress()
    stopping = EarlyStopping(chooses(task).better, config.regularization.early_stopping)
    fits = is_fitted(experiment.model)
    fitting = fitting_loader(config, experiment.data, experiment.device_settings) if fits else None
    state: dict[str, Stateful] = {
        "model": ModelState(update.strategy),
        "optimizer": OptimizerState(update.strategy, update.optimizer),
        "sums": SumsState(sums, group, experiment.device_settings.device),
        "stopping": stopping,
        "progress": progress,
    }
    if isinstance(experiment.schedule, MetricSchedule):
        state["schedule"] = experiment.schedule
    if hasattr(task, "state_dict"):
        state["task"] = TaskState(task, group, experiment.device_settings.device)
    training = Training(
        update=update,
        loader=training_loader(
            config, experiment.builders, experiment.data, experiment.device_settings, (group.rank, group.size)
        ),
        evaluator=_evaluator(experiment, update),
        horizon=horizon,
        intervals=Intervals(
            evaluate=trainer.evaluate_every,
            log=trainer.log_every,
            checkpoint=trainer.checkpoint_every,
            meter=trainer.meter_every,
            show=trainer.show_every,
        ),
        stopping=stopping,
        sums=sums,
        progress=progress,
        state=state,
        identity={"config": dict(config.plain)},
        spec=experiment.spec,
        fitting=fitting,
    )
    _add_callbacks(experiment, training)
    state["random"] = RandomState(group)  # the last to be loaded
    return training


def _add_callbacks(experiment: Experiment, training: Training) -> None:
    callbacks = {name: build() for name, build in experiment.builders.callbacks.items()}
    if not callbacks:
        return

    def loaders(split: str) -> Loader | None:
        return evaluation_loader(experiment.config, experiment.data, split, experiment.device_settings)

    training.callbacks = Callbacks(callbacks, training, loaders)
    training.callbacks.check()


def _update(experiment: Experiment) -> Update:
    config, model, settings = experiment.config, experiment.model, experiment.device_settings
    settings.put(model)
    strategy = parallelize(model, config.parallel, settings.device, experiment.process_group)
    if settings.compiled:
        model.compile()
    optimizer = build_optimizer(experiment)
    strategy.prepare_optimizer(optimizer)
    regularization = config.regularization
    frozen = Frozen(model, config.groups, experiment.horizon)
    return Update(
        strategy,
        experiment.task,
        optimizer,
        experiment.schedule,
        autocast=settings.autocast,
        frozen=frozen if frozen else None,
        penalty=weight_penalty(weights(model), l1=regularization.l1, l2=regularization.l2),
        accumulate=config.trainer.accumulate,
        clip_norm=config.trainer.clip_norm,
        cuda_graph=CudaGraphStep(model) if settings.cuda_graphs else None,
    )


def build_optimizer(experiment: Experiment) -> torch.optim.Optimizer:
    """The optimizer with what the regularization adds to each of its steps; the model is on its device.

    Raises:
        UserError: nothing is left to learn, or groups for an optimizer without a learning rate.
    """
    config, model = experiment.config, experiment.model
    regularization, build = config.regularization, experiment.builders.optimizer
    rate = inspect.signature(build).parameters.get("lr")
    if config.groups and (rate is None or rate.default is inspect.Parameter.empty):
        raise UserError(f"groups: are for optimizers with a learning rate, and {config.optimizer.name} has none")
    groups = parameter_groups(model, regularization.weight_decay, rate.default if config.groups else 0.0, config.groups)
    if config.groups and not groups:
        raise UserError("groups: leave no parameter of the model to learn; give one of them an lr above 0")
    if not groups and not only_fitted(model):
        raise UserError(f"model={config.model.name}: has no parameter, so there is nothing to train")
    groups = groups or [{"params": []}]  # of a model that is fitted, whose run makes no steps
    optimizer = build(groups)
    if regularization.decoupled:
        decay_before_step(optimizer, weights(model), regularization.decoupled)
    if regularization.max_norm is not None:
        limit_after_step(optimizer, weights(model), regularization.max_norm)
    return optimizer


def _evaluator(experiment: Experiment, update: Update) -> Evaluator:
    config, group, settings = experiment.config, experiment.process_group, experiment.device_settings
    splits = ("validation", "test") if config.trainer.test == "every" else ("validation",)

    def loaders(share: tuple[int, int]) -> dict[str, Loader]:
        most = config.trainer.evaluate_batches
        found = {name: evaluation_loader(config, experiment.data, name, settings, share, most=most) for name in splits}
        return {split: loader for split, loader in found.items() if loader is not None}

    alone = hasattr(experiment.task, "meter") and update.strategy.lockstep and group.rank == 0
    return Evaluator(
        update.strategy,
        experiment.task,
        loaders((group.rank, group.size)),
        settings.autocast,
        experiment.spec,
        whole_loaders=loaders((0, 1)) if alone else {},
    )
