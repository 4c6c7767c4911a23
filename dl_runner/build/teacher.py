"""A run's model as the teacher of another run."""

from pathlib import Path

import torch

from dl_runner.build.builders import check_builders
from dl_runner.build.model import build_model
from dl_runner.build.readings import reading_of, reading_of_run
from dl_runner.config.pinned import check_pin, weight_file, weights_digest
from dl_runner.config.stored import load_run
from dl_runner.data.dataset import Fitted
from dl_runner.errors import UserError
from dl_runner.tasks.teacher import Teacher
from dl_runner.training.checkpoint import Checkpoints, load_weights, read_spec


def load_teacher(
    device: torch.device, folder: str, weights: str | None = None, fitted: Fitted | None = None
) -> Teacher:
    """The model of a run folder with its best weights, or its last, on a device. Needs no data set.

    It draws from torch's global generators, which are to be seeded again afterwards.

    Args:
        weights: the hash that they must have; None for any.
        fitted: to the student's data; what a teacher reads has to be made in the same way.

    Raises:
        UserError: no such run, weights of another hash, inputs made in another way, or a config that this version or
            user does not accept.
    """
    path = Path(folder)
    check_pin(f"task.teacher={folder}", weights_digest(path, "task.teacher"), weights)
    file, checked = Checkpoints(path).require(weight_file(path).stem), load_run(path)
    if reading_of_run(path) != reading_of(fitted):
        raise UserError(
            f"task.teacher={folder}: its inputs were made with other words, means or categories than the student's, "
            "which come from the training rows; train it on the same data with the same data.* and seed"
        )
    spec = read_spec(file)
    model = build_model(checked, check_builders(checked), spec)
    load_weights(file, model)
    return Teacher(folder, model.to(device), spec)
