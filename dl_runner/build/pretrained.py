"""Weights to begin with, instead of random ones: which tensor of theirs becomes which of the model's."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from torch import Tensor, nn

from dl_runner.build.readings import reading_of, reading_of_run, without_statistics
from dl_runner.build.weights import read_weights
from dl_runner.config.parsed import PretrainedConfig
from dl_runner.data.dataset import Fitted
from dl_runner.errors import UserError, hint


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
    """Copy weights into the model, by name or by place; None where the config asks for none.

    Args:
        model: initialized, on the processor; changed in place.
        fitted: what was learnt from the data, such as a vocabulary, which a run's weights must share.

    Raises:
        UserError: no such weights, damaged ones, others than the config's hash says, tensors that do not fit and are
            not in `pretrained.except`, a pattern there that matches nothing, or weights of a run with another
            vocabulary, other columns or other categories.
    """
    if config.source is None:
        return None
    found, own = read_weights(config.source, config.weights), model.state_dict()
    key, called = f"pretrained.from={config.source}", {}
    if config.by == "order":
        called = _paired(key, found, own)
        found = {called[name]: value for name, value in found.items()}
    theirs = {name: other for other, name in called.items()}  # what the source calls a tensor of the model

    _check_reading(key, Path(config.source).expanduser(), fitted)
    for pattern in config.without:
        if not any(fnmatchcase(name, pattern) for name in (*called, *found, *own)):
            raise UserError(f"pretrained.except={pattern}: matches no tensor{hint(pattern, list(own)[:40])}")

    def matches(name: str) -> bool:
        return any(fnmatchcase(one, pattern) for one in (name, theirs.get(name, name)) for pattern in config.without)

    # A tensor of two names is left out by either.
    left_alone = {value.data_ptr() for name, value in own.items() if matches(name)}

    def excepted(name: str) -> bool:
        return matches(name) or (name in own and own[name].data_ptr() in left_alone)

    used = {name: value for name, value in found.items() if not excepted(name)}
    for name, value in used.items():
        if name not in own:
            raise UserError(
                f"{key}: holds {name}, which the model has not{hint(name, list(own)[:40])}{_by_order(found, own)}"
            )
        if own[name].shape != value.shape:
            raise UserError(
                f"{key}: its {theirs.get(name, name)} has shape {tuple(value.shape)}, the model's "
                f"{f'{name} ' if theirs else ''}{tuple(own[name].shape)}; "
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
    return Loaded(config.source, tuple(used), tuple(theirs.get(name, name) for name in left_out), tuple(new))


def _paired(key: str, found: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, str]:
    """Names of the source to names of the model: the first to the first, and so on.

    Two models of one architecture list the same tensors in the same order, whatever they call them. Where they do not,
    a weight would come to stand beside a bias, or two different numbers of axes beside each other.

    Raises:
        UserError: such a pair, or another number of tensors.
    """
    if len(found) != len(own):
        raise UserError(
            f"{key}: holds {len(found)} tensors and the model {len(own)}; pretrained=in_order needs as many"
        )
    for (theirs, value), (ours, mine) in zip(found.items(), own.items(), strict=True):
        kind, wanted = theirs.rpartition(".")[2], ours.rpartition(".")[2]
        if kind != wanted or value.ndim != mine.ndim:
            raise UserError(
                f"{key}: in order its {theirs} {tuple(value.shape)} would be the model's {ours} {tuple(mine.shape)}; "
                "is it of another model?"
            )
    return dict(zip(found, own, strict=True))


def _by_order(found: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """The advice for weights that have names of their own."""
    alike = [one.shape for one in found.values()] == [one.shape for one in own.values()]
    return "; the shapes are the model's one after the other: add pretrained=in_order" if alike else ""


def _check_reading(key: str, folder: Path, fitted: Fitted | None) -> None:
    """Weights for other tokens, columns or categories would fit in shape alone."""
    theirs, ours = (without_statistics(one) for one in (reading_of_run(folder), reading_of(fitted)))
    if not theirs or not ours or theirs == ours:
        return
    if "tokenizer" in theirs | ours:
        raise UserError(
            f"{key}: was trained with another vocabulary than these data have; use the tokenizer and the "
            "data.characters, data.limit, data.validation and data.test as that run"
        )
    raise UserError(
        f"{key}: was trained with other columns or categories than these data have; use the data.* and seed of that run"
    )
