"""What a run learns from, pinned by the hash of its weights: a teacher, and weights to begin with. Imports no torch.

The hash is part of the config, so it is part of a job's identity and of the run's record: weights that have been
trained anew since make another job, and a run that goes on finds out.
"""

import hashlib
import importlib.util
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dl_runner.errors import UserError

PACKAGE = "package:"  # package:NAME/FILE


def weight_file(folder: Path) -> Path | None:
    """The weights of a run folder, the best ones if there are, else the last; None if it has none."""
    files = (folder / "checkpoints" / f"{name}.safetensors" for name in ("best", "last"))
    return next((file for file in files if file.is_file()), None)


def package_folders(source: str) -> tuple[Path, ...] | None:
    """The folders of the package of a "package:NAME/FILE", which is not imported; None if it is not installed."""
    name, spec = source.removeprefix(PACKAGE).partition("/")[0], None
    with suppress(ValueError):  # of the program itself, which is no package
        spec = importlib.util.find_spec(name) if name.isidentifier() else None
    return None if spec is None else tuple(map(Path, spec.submodule_search_locations or ()))


def local_weights(source: str) -> Path | None:
    """The file of weights that `pretrained.from` names here: a run's, a file itself or a package's.

    None where there is none, and for "torchvision:NAME", whose files are checked by the hash in their names.
    """
    if source.startswith(PACKAGE):
        inside = source.partition("/")[2]
        files = [folder / inside for folder in package_folders(source) or () if inside]
        return next((file for file in files if file.is_file()), None)
    path = Path(source).expanduser()
    if path.is_dir():
        return weight_file(path)
    return path if path.is_file() else None


def digest(file: Path, key: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a file.

    Args:
        key: KEY=VALUE of the config, for the message.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    except OSError as error:
        raise UserError(f"{key}: {file} cannot be read ({error.strerror})") from None


def weights_digest(folder: Path, key: str) -> str:
    """The `digest` of a run's weights.

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
    return digest(file, f"{key}={folder}")


def check_pin(key: str, found: str, pin: str | None) -> None:
    """Check that weights have the hash that the config says; None is any.

    Args:
        key: KEY=VALUE of the config that names them.

    Raises:
        UserError: they have another one.
    """
    if pin not in (None, found):
        raise UserError(
            f"{key}: its weights have changed since this run began (their hash is {found} and was {pin}); put the old "
            "ones back, or start anew"
        )


def pinned(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A config with `task.teacher` absolute, and `task.teacher_weights` and `pretrained.weights` filled in where they
    are not yet. Weights to begin with that are gone, or unreadable, are left without: a run that has begun needs them
    no more, and what needs them tells.

    Raises:
        UserError: the teacher is no run folder with readable weights.
    """
    return {**plain, **_teacher(plain.get("task")), **_pretrained(plain.get("pretrained"))}


def _teacher(task: Any) -> dict[str, Any]:
    teacher = task.get("teacher") if isinstance(task, Mapping) else None
    if not isinstance(teacher, str) or task.get("teacher_weights") is not None:
        return {}
    folder = Path(teacher).expanduser().absolute()
    pin = {"teacher": str(folder), "teacher_weights": weights_digest(folder, "task.teacher")}
    return {"task": {**task, **pin}}


def _pretrained(section: Any) -> dict[str, Any]:
    source = section.get("from") if isinstance(section, Mapping) else None
    if not isinstance(source, str) or section.get("weights") is not None:
        return {}
    file = local_weights(source)
    if file is None:
        return {}
    with suppress(UserError):  # unreadable
        return {"pretrained": {**section, "weights": digest(file, f"pretrained.from={source}")}}
    return {}
