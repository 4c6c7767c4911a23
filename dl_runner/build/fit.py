"""Whether the parts of an experiment fit each other, found out before a run folder is made."""

import copy
import math

import torch
from torch import nn

from dl_runner.build.parts import build_horizon, build_task
from dl_runner.build.builders import Builders
from dl_runner.data.splits import Data
from dl_runner.errors import UserError
from dl_runner.optim.plateau import MetricSchedule
from dl_runner.config.schema import Config
from dl_runner.spec import DataSpec


def check_fit(config: Config, builders: Builders, data: Data, model: nn.Module, processes: int = 1) -> None:
    """Check what can only be known with the data and the model at hand, before a run folder is made.

    Args:
        processes: that share each batch.

    Raises:
        UserError: a loss or label smoothing for another task, a schedule that does not fit the length of the run,
            an augmentation of vectors or of too small images, early stopping or a reactive schedule without validation
            data, or an example left alone where batch normalization needs two.
    """
    build_task(config, builders, data.spec)
    schedule = builders.schedule(build_horizon(config, data))
    if isinstance(schedule, MetricSchedule) and data.validation is None:
        raise UserError(
            f"schedule={config.schedule.name}: there are no validation data to react to; set data.validation=0.1"
        )
    if builders.augment is not None and not data.spec.is_image:
        raise UserError("augment: works on images, and the data set holds vectors; use augment=none")
    if builders.augment is not None:  # it refuses images that are too small for it
        builders.augment(torch.zeros(1, *data.spec.input_shape), torch.Generator())
    patience = config.regularization.early_stopping
    if patience and data.validation is None:
        raise UserError(
            f"regularization.early_stopping={patience}: there are no validation data to watch; set data.validation=0.1"
        )

    size, examples = config.data.batch_size, len(data.train)
    if min(_shares(examples, size, processes)) < (config.trainer.accumulate if processes > 1 else 1):
        raise UserError(
            f"data.batch_size={size}: {examples} training examples cut into such batches leave one that "
            f"{processes} processes cannot share out, with trainer.accumulate={config.trainer.accumulate} parts each; "
            "choose another batch size"
        )
    if 1 in _part_sizes(examples, size, config.trainer.accumulate, processes) and not _takes_one(model, data.spec):
        raise UserError(
            f"data.batch_size={size}: {examples} training examples cut into such batches, each of "
            f"trainer.accumulate={config.trainer.accumulate} parts, leave one example alone, and the batch "
            f"normalization of {config.model.name} needs two; choose another batch size"
        )


def _shares(examples: int, batch_size: int, processes: int) -> set[int]:
    """The numbers of examples that a process may have of a batch."""
    batches = {min(batch_size, examples), examples % batch_size} - {0}
    return {share for batch in batches for share in (batch // processes, math.ceil(batch / processes))}


def _part_sizes(examples: int, batch_size: int, parts: int, processes: int) -> set[int]:
    """The numbers of examples that one forward pass of training may get."""
    sizes = set()
    for share in _shares(examples, batch_size, processes):
        count = min(parts, share)
        sizes |= {share // count, math.ceil(share / count)}
    return sizes


def _takes_one(model: nn.Module, spec: DataSpec) -> bool:
    """Whether a model can train on one example. Batch normalization cannot where its feature maps are 1×1."""
    with torch.random.fork_rng(devices=[]):
        try:
            copy.deepcopy(model).train()(torch.zeros(1, *spec.input_shape))
        except ValueError:
            return False
    return True
