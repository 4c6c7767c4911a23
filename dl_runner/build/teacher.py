"""A run's model as the teacher of another run."""

from pathlib import Path

import torch

from dl_runner.build.builders import check_builders
from dl_runner.build.model import build_model
from dl_runner.config.pinned import check_pin, weight_file, weights_digest
from dl_runner.config.stored import load_run
from dl_runner.tasks.teacher import Teacher
from dl_runner.training.checkpoint import Checkpoints, load_weights, read_spec


def load_teacher(device: torch.device, folder: str, weights: str | None = None) -> Teacher:
    """The model of a run folder with its best weights, or its last, on a device. Needs no data set.

    It draws from torch's global generators, which are to be seeded again afterwards.

    Args:
        weights: the hash that they must have; None for any.

    Raises:
        UserError: no such run, weights of another hash, or a config that this version or user does not accept.
    """
    path = Path(folder)
    check_pin(f"task.teacher={folder}", weights_digest(path, "task.teacher"), weights)
    file, checked = Checkpoints(path).require(weight_file(path).stem), load_run(path)
    spec = read_spec(file)
    model = build_model(checked, check_builders(checked), spec)
    load_weights(file, model)
    return Teacher(folder, model.to(device), spec)
