"""A run that another one learns from, pinned by the hash of its weights. Imports no torch.

The hash is part of the config, so it is part of a job's identity and of the run's record: a teacher that has been
trained anew since makes another job, and a run that goes on finds out.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dl_runner.errors import UserError


def weight_file(folder: Path) -> Path | None:
    """The weights of a run folder, the best ones if there are, else the last; None if it has none."""
    files = (folder / "checkpoints" / f"{name}.safetensors" for name in ("best", "last"))
    return next((file for file in files if file.is_file()), None)


def weights_digest(folder: Path, key: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a run's weights.

    Args:
        key: the config's, for the message.

    Raises:
        UserError: no such folder, or one without weights.
    """
    if not folder.is_dir():
        raise UserError(f"{key}={folder}: no such run folder")
    file = weight_file(folder)
    if file is None:
        raise UserError(f"{key}={folder}: this folder has no checkpoints/best.safetensors or last.safetensors")
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def pinned(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A config with its `task.teacher` absolute and `task.teacher_weights` filled in, where they are not yet.

    Raises:
        UserError: the teacher is no run folder with weights.
    """
    task = plain.get("task")
    teacher = task.get("teacher") if isinstance(task, Mapping) else None
    if not isinstance(teacher, str) or task.get("teacher_weights") is not None:
        return dict(plain)
    folder = Path(teacher).expanduser().absolute()
    pin = {"teacher": str(folder), "teacher_weights": weights_digest(folder, "task.teacher")}
    return {**plain, "task": {**task, **pin}}
