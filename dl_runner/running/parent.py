"""A run that begins with the weights another one ended with."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dl_runner.build.experiment import Experiment
from dl_runner.data.dataset import Fitted
from dl_runner.errors import UserError
from dl_runner.tracking.run_folder import RunRecord
from dl_runner.training.checkpoint import Checkpoints
from dl_runner.training.training import Training


@dataclass(frozen=True)
class Parent:
    """The other run.

    Args:
        folder: of it.
        optimizer: the builder's name of its optimizer.
        fitted: what it has fitted to its data, if these are the same; None to fit them anew.
    """

    folder: Path
    optimizer: str
    fitted: Fitted | None


def take_over(parent: Parent, training: Training, experiment: Experiment) -> dict[str, Any]:
    """Load the weights of the parent's last checkpoint, and its optimizer's state if it has the same optimizer.

    Steps, schedule, data order and random numbers are those of a run that begins.

    Returns:
        What run.json says of it: folder, id, step, and whether the optimizer's state is the parent's.

    Raises:
        UserError: it has no checkpoint, or its weights do not fit the model.
    """
    checkpoint = Checkpoints(parent.folder).load()
    try:
        training.state["model"].load_state_dict(checkpoint["state"]["model"])
    except (RuntimeError, KeyError, ValueError):
        begin = shlex.quote(f"pretrained.from={parent.folder}")
        raise UserError(
            f"continue {parent.folder}: its weights do not fit model={experiment.config.model.name} as it is now; "
            f"what fits is taken over by a run with {begin} and pretrained.except=[…]"
        ) from None
    same = parent.optimizer == experiment.config.optimizer.builder_name
    if same:
        optimizer = training.update.optimizer
        keys = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
        try:
            training.state["optimizer"].load_state_dict(checkpoint["state"]["optimizer"])
        except (RuntimeError, KeyError, ValueError):  # other groups of parameters
            same = False
        else:
            for group, own in zip(optimizer.param_groups, keys, strict=True):
                group.update(own)  # the config's rate, momentum and decay, not the parent's
    step = checkpoint["state"]["progress"]["step"]
    record = RunRecord.load(parent.folder)
    return {"folder": str(parent.folder.absolute()), "id": record["id"], "step": step, "optimizer": same}
