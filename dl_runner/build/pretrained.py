"""Weights to begin with, instead of random ones: of an earlier run, a file, or torchvision."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dl_runner.config.schema import PretrainedConfig
from dl_runner.data.dataset import FITTED, Fitted
from dl_runner.errors import UserError, hint
from dl_runner.runtime.checksums import read_checked
from dl_runner.runtime.files import parse_json, utf8_path
from dl_runner.training.archive import load_archive
from dl_runner.training.checkpoint import Checkpoints
from dl_runner.training.seal import intact

TORCHVISION = "torchvision:"


@dataclass(frozen=True)
class Loaded:
    """What became of a model's tensors, parameters and buffers alike.

    Args:
        source: where they are from.
        loaded: names of those that have been read.
        left_out: names in the source that `pretrained.except` has left out.
        new: names in the model that keep their initialization.
    """

    source: str
    loaded: tuple[str, ...]
    left_out: tuple[str, ...]
    new: tuple[str, ...]

    def __str__(self) -> str:
        rest = {"left out": self.left_out, "new": self.new}
        told = [f"{label}: {_listed(names)}" for label, names in rest.items() if names]
        return "; ".join([f"{len(self.loaded)} tensors of {self.source}", *told])


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def load_pretrained(model: nn.Module, config: PretrainedConfig, fitted: Fitted | None = None) -> Loaded | None:
    """Copy weights into the model, by name; None where the config asks for none.

    Args:
        model: initialized, on the processor; changed in place.
        fitted: what was learnt from the data, such as a vocabulary, which a run's weights must share.

    Raises:
        UserError: no such weights, damaged ones, tensors that do not fit and are not in `pretrained.except`, a pattern
            there that matches nothing, or weights of a run with another vocabulary.
    """
    if config.source is None:
        return None
    found, own = read_weights(config.source), model.state_dict()

    key = f"pretrained.from={config.source}"
    _check_vocabulary(key, Path(config.source).expanduser(), fitted)
    for pattern in config.without:
        if not any(fnmatchcase(name, pattern) for name in (*found, *own)):
            raise UserError(f"pretrained.except={pattern}: matches no tensor{hint(pattern, list(own)[:40])}")

    def matches(name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in config.without)

    # A tensor of two names is left out by either.
    left_alone = {value.data_ptr() for name, value in own.items() if matches(name)}

    def excepted(name: str) -> bool:
        return matches(name) or (name in own and own[name].data_ptr() in left_alone)

    used = {name: value for name, value in found.items() if not excepted(name)}
    for name, value in used.items():
        if name not in own:
            raise UserError(f"{key}: holds {name}, which the model has not{hint(name, list(own)[:40])}")
        if own[name].shape != value.shape:
            raise UserError(
                f"{key}: its {name} has shape {tuple(value.shape)}, the model's {tuple(own[name].shape)}; "
                f"leave it out with 'pretrained.except=[{name.rpartition('.')[0] or name}*]'"
            )
    shared = {own[name].data_ptr() for name in used}  # a file holds a tensor that has two names once
    missing = [name for name in own if own[name].data_ptr() not in shared and not excepted(name)]
    if missing:
        raise UserError(
            f"{key}: has no {missing[0]}, which the model has; is it of another model? To keep what is new, add "
            f"'pretrained.except=[{missing[0].rpartition('.')[0] or missing[0]}*]'"
        )
    model.load_state_dict(used, strict=False)
    left_out, new = sorted(set(found) - set(used)), [name for name in own if own[name].data_ptr() not in shared]
    return Loaded(config.source, tuple(used), tuple(left_out), tuple(new))


def _check_vocabulary(key: str, folder: Path, fitted: Fitted | None) -> None:
    """Token numbers mean what the vocabulary says: weights of another one would fit in shape alone."""
    if fitted is None or not (folder / FITTED).is_file():
        return
    theirs, ours = parse_json(folder / FITTED, read_checked(folder / FITTED)), fitted.state_dict()
    if theirs.get("tokenizer") != ours.get("tokenizer"):
        raise UserError(
            f"{key}: was trained with another vocabulary than these data have; use the tokenizer and the "
            "data.characters, data.limit, data.validation and data.test as that run"
        )


def read_weights(source: str) -> dict[str, Tensor]:
    """Tensors by name from a run folder, a file of safetensors or of torch.save, or "torchvision:NAME".

    Raises:
        UserError: there are none.
    """
    if source.startswith(TORCHVISION):
        return _of_torchvision(source)
    path = Path(source).expanduser()
    if path.is_dir():
        checkpoints = Checkpoints(path)
        there = [name for name in ("best", "last") if checkpoints.weights(name).exists()]
        if not there:
            raise UserError(
                f"pretrained.from={source}: this folder has no checkpoints/best.safetensors or last.safetensors"
            )
        path = checkpoints.require(there[0])
    if not path.is_file():
        raise UserError(
            f"pretrained.from={source}: no such run folder or file; torchvision's are named torchvision:resnet18"
        )
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


def _of_torchvision(source: str) -> dict[str, Tensor]:
    try:
        from torchvision import models
    except ImportError:
        raise UserError(
            f"pretrained.from={source}: needs torchvision, which is not installed; pip install torchvision"
        ) from None
    name = source.removeprefix(TORCHVISION)
    if name not in models.list_models():
        raise UserError(f"pretrained.from={source}: torchvision has no such model{hint(name, models.list_models())}")
    weights = models.get_model_weights(name).DEFAULT
    try:
        return dict(weights.get_state_dict(progress=True, check_hash=True))
    except OSError as error:
        file, folder = weights.url.rpartition("/")[2], Path(torch.hub.get_dir()) / "checkpoints"
        raise UserError(
            f"pretrained.from={source}: cannot be downloaded ({error}); put {file} of torchvision into {folder}"
        ) from None
