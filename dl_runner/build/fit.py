"""Whether the parts of an experiment fit each other, found out before a run folder is made."""

import contextlib
import copy
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from dl_runner.build.experiment import Experiment, build_experiment
from dl_runner.config.schema import Config
from dl_runner.data.batch import Batch, blank, call
from dl_runner.data.dataset import Fitted
from dl_runner.data.loader import Loader
from dl_runner.data.preparation import preparation
from dl_runner.errors import UserError
from dl_runner.optim.plateau import MetricSchedule
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.spec import Classes, DataSpec, Image
from dl_runner.tasks.outputs import check_outputs


def checked_experiment(
    config: Config,
    process_group: ProcessGroup | None = None,
    fitted: Fitted | None = None,
    *,
    pretrained: bool = True,
) -> Experiment:
    """`build_experiment`, whose parts fit each other.

    Raises:
        UserError: they do not fit each other, the data or this machine.
    """
    experiment = build_experiment(config, process_group, fitted, pretrained=pretrained)
    check_fit(experiment)
    return experiment


def check_fit(experiment: Experiment) -> None:
    """Check what can only be known with the data and the model at hand.

    Raises:
        UserError: as for `check_settings`, `check_parts` and `check_sizes`.
    """
    check_settings(experiment)
    check_parts(experiment)
    check_sizes(experiment)


def check_settings(experiment: Experiment) -> None:
    """Check what the settings around the data, the model and the task ask of them.

    Raises:
        UserError: early stopping or a schedule that follows a metric without validation data, or CUDA graphs of a task
            that cannot be replayed.
    """
    config, data = experiment.config, experiment.data
    if isinstance(experiment.schedule, MetricSchedule) and data.validation is None:
        raise UserError(
            f"schedule={config.schedule.name}: there are no validation data to react to; set data.validation=0.1"
        )
    patience = config.regularization.early_stopping
    if patience and data.validation is None:
        raise UserError(
            f"regularization.early_stopping={patience}: there are no validation data to watch; set data.validation=0.1"
        )
    if experiment.device_settings.cuda_graphs:
        moves = {"state_dict": "carries a state from step to step", "before_step": "changes with the step"}
        for doing in (moves[method] for method in moves if hasattr(experiment.task, method)):
            raise UserError(f"device.cuda_graphs=on: cannot replay a task that {doing}; use off")


def check_parts(experiment: Experiment) -> None:
    """Check that data, augmentation, model and task fit each other.

    Raises:
        UserError: labels that no class has, targets that the task cannot learn from, a model whose outputs the task
            cannot use, or an augmentation of vectors or of too small images.
    """
    data, augment = experiment.data, experiment.builders.augment
    if augment is not None and not isinstance(data.spec.inputs, Image):
        raise UserError("augment: works on images, and the data set holds none; use augment=none")
    if augment is not None:  # it refuses images that are too small for it, and masks that it cannot move
        batch = blank(data.spec, 1)
        preparation(data.spec, "cpu", augment)((batch.inputs, batch.targets), torch.Generator())
    _check_labels(experiment)
    _check_targets(experiment)
    _check_outputs(experiment)


def _check_labels(experiment: Experiment) -> None:
    """Labels beyond the classes would end a run in its middle, on a GPU without saying why."""
    data, classes = experiment.data, experiment.spec.targets
    for name, split in {"train": data.train, "validation": data.validation, "test": data.test}.items():
        labels = split.strata if split is not None and isinstance(classes, Classes) else None
        if labels is None or not len(labels):
            continue
        odd = labels[(labels < 0) | (labels >= classes.size)]
        if len(odd):
            raise UserError(
                f"data={experiment.config.data.name}: its {name} split has label {odd[0]}, and its {classes.size} "
                f"classes are numbered 0 to {classes.size - 1}"
            )


def _check_targets(experiment: Experiment) -> None:
    """Let the task look at the targets of every split before it learns from one of them."""
    data, check = experiment.data, getattr(experiment.task, "check_targets", None)
    for name, split in {"train": data.train, "validation": data.validation, "test": data.test}.items():
        targets = getattr(split, "targets", None)
        if check is not None and targets is not None:
            check(name, targets)


def _check_outputs(experiment: Experiment) -> None:
    """Let the task take the model's outputs for two examples, in evaluation mode and in training mode."""
    model, data = experiment.model, experiment.data
    sampler = data.samplers.evaluation(data.train, min(2, len(data.train)))
    batch = next(iter(Loader(data.train, sampler, preparation(data.spec, "cpu"), device="cpu", workers=0).epoch()))
    modes = {module: module.training for module in model.modules()}
    try:
        _check_outputs_for(experiment, batch, "")
        if len(batch) > 1:  # batch normalization may refuse to train on one
            with _as_before(experiment):
                for module, training in modes.items():
                    module.training = training
                _check_outputs_for(experiment, batch, " in training")
    finally:
        for module, training in modes.items():
            module.training = training


def _check_outputs_for(experiment: Experiment, batch: Batch, when: str) -> None:
    config, model, task = experiment.config, experiment.model, experiment.task
    names = f"model={config.model.name}: does not fit data={config.data.name} and its task"

    def check(_model: nn.Module, _inputs: Any, outputs: Any) -> None:
        hook.remove()  # a task may ask again, about something else
        try:
            check_outputs(task, experiment.data.spec, outputs, batch)
        except ValueError as error:
            number = f"{len(batch)} example{'s' if len(batch) > 1 else ''}"
            raise UserError(f"{names}: for {number}{when} it {error}") from None

    if not when:
        model.eval()
    hook = model.register_forward_hook(check)
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            task.step(model, batch)
    except UserError:
        raise
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{names} ({type(error).__name__}: {reason})") from error
    except Exception:
        return  # the model's own mistake and no misfit: the run meets it again, and its record holds the traceback
    finally:
        hook.remove()


@contextlib.contextmanager
def _as_before(experiment: Experiment) -> Iterator[None]:
    """What a step in training mode moves beside gradients is put back: running statistics, and what a task carries."""
    buffers = {buffer: buffer.clone() for buffer in experiment.model.buffers()}
    carries = hasattr(experiment.task, "state_dict")
    state = experiment.task.state_dict() if carries else None
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in buffers.items():
                buffer.copy_(value)
        if carries:
            experiment.task.load_state_dict(state)


def check_sizes(experiment: Experiment) -> None:
    """Check that every process and every part of a step gets examples enough.

    Raises:
        UserError: too few for the processes, or one left alone where batch normalization needs two.
    """
    config, data, processes = experiment.config, experiment.data, experiment.process_group.size
    size, accumulate = config.data.batch_size, config.trainer.accumulate
    sampler = data.samplers.training(data.train, size, config.seed)
    batches = {index.stop - index.start if isinstance(index, slice) else len(index) for index in sampler.order(0)}
    shares = {share for batch in batches for share in (batch // processes, math.ceil(batch / processes))}
    examples = len(data.train)
    if min(shares) < (accumulate if processes > 1 else 1):
        raise UserError(
            f"data.batch_size={size}: {examples} training examples cut into such batches leave one that "
            f"{processes} processes cannot share out, with trainer.accumulate={accumulate} parts each; "
            "choose another batch size"
        )
    if 1 in _part_sizes(shares, accumulate) and not _takes_one(experiment.model, experiment.spec):
        raise UserError(
            f"data.batch_size={size}: {examples} training examples cut into such batches, each of "
            f"trainer.accumulate={accumulate} parts, leave one example alone, and the batch "
            f"normalization of {config.model.name} needs two; choose another batch size"
        )


def _part_sizes(shares: set[int], parts: int) -> set[int]:
    """The numbers of examples that one forward pass of training may get."""
    sizes = set()
    for share in shares:
        count = min(parts, share)
        sizes |= {share // count, math.ceil(share / count)}
    return sizes


def _takes_one(model: nn.Module, spec: DataSpec) -> bool:
    """Whether a model can train on one example. Batch normalization cannot where its feature maps are 1×1."""
    with torch.random.fork_rng(devices=[]):
        try:
            call(copy.deepcopy(model).train(), blank(spec, 1).inputs)
        except ValueError:
            return False
    return True
