"""A data set as its builder returns it, and how train, validation and limit are cut from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch

from dl_runner.data.places import resize_targets, sized
from dl_runner.data.samplers import InOrder, Sampler, Shuffled
from dl_runner.data.sampling import hold_out, hold_out_fold, smallest_class, take
from dl_runner.data.scale import measured
from dl_runner.data.splits import Split, TensorSplit
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec, Image

Normalization = tuple[tuple[float, ...], tuple[float, ...]]  # mean and standard deviation
UNCHANGED: Normalization = ((0.0,), (1.0,))
DARK = 64  # of 255
FITTED = "fitted.json"  # of a run folder: what was fitted to its data


class Fitted(Protocol):
    """What was learnt from the training split and is done to every split once, such as a vocabulary.

    Its `state_dict` names a module of `dl_runner.data.fitted` under "name", whose function of that name makes it again.

    Attributes:
        spec: of what comes out; None if that is the data's own.
    """

    spec: DataSpec | None

    def apply(self, split: Split) -> Split:
        """The split as models and tasks take it."""

    def state_dict(self) -> dict[str, Any]:
        """Plain JSON-ready containers, which the run folder keeps for `dlrun predict`."""


class Fit(Protocol):
    """Learns what has to be learnt from data before the training, from the training split alone."""

    def fit(self, train: Split) -> Fitted: ...


class Samplers:
    """How batches are made of a split: shuffled for training, in order for evaluation and for fitting."""

    def training(self, split: Split, batch_size: int, seed: int) -> Sampler:
        return Shuffled(len(split), batch_size, seed)

    def evaluation(self, split: Split, batch_size: int) -> Sampler:
        return InOrder(len(split), batch_size)

    def once(self, split: Split, batch_size: int) -> Sampler:
        """Everything in its order and exactly once, for models that are fitted."""
        return InOrder(len(split), batch_size)


@dataclass(frozen=True, eq=False)
class Data:
    """A data set; `validation` and `test` are None where there are none.

    Args:
        spec: None where it is known only after fitting.
        fit: what is learnt from the training split and done to all of them.
        samplers: how batches are made.
        fitted: what `fit` has learnt; set by `cut`.
        notes: what a person has to know of how the data were read, a line each.
        unused: names of files that lie among the data and are none, and why.
        left_out: damaged files that the user wants to go on without, and what is wrong with each.
    """

    spec: DataSpec | None
    train: Split
    validation: Split | None = None
    test: Split | None = None
    fit: Fit | None = None
    samplers: Samplers = Samplers()  # noqa: RUF009 - it has no state
    fitted: Fitted | None = None
    notes: tuple[str, ...] = ()
    unused: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def splits(self) -> tuple[Split | None, ...]:
        return self.train, self.validation, self.test

    def loaded(self) -> "Data":
        """With those splits in memory that shall be there during the training.

        Raises:
            UserError: a file is missing or damaged.
        """
        train, validation, test = (split and split.loaded() for split in self.splits)
        return replace(self, train=train, validation=validation, test=test, notes=(*self.notes, *_dark(train)))


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """What is cut from the training examples, and how.

    Args:
        validation: share held out for validation, in [0, 1); 0 for none. A validation split that the data set has
            itself is kept.
        limit: train on at most this many of the examples left, >= 1, classes in proportion; None for all.
        image_size: side of the square that a batch is resized to, in pixels; None for the native size.
        normalize: mean and standard deviation in place of the data's own, per channel or one for all; None for these.
        seed: >= 0; the same seed gives the same splits.
        folds: cut the training examples into so many stratified parts, >= 2, instead of holding out `validation`.
        fold: the part that is the validation split, in [0, folds); the others are the training split.
    """

    validation: float = 0.0
    limit: int | None = None
    image_size: int | None = None
    normalize: Normalization | None = None
    seed: int = 0
    folds: int | None = None
    fold: int | None = None


def cut(data: Data, cuts: Cuts, fitted: Fitted | None = None) -> Data:
    """What a builder returned, made ready for training: cut, then fitted on the training split alone.

    Args:
        fitted: what an earlier run has fitted, to be used again.

    Raises:
        UserError: an image size for what is no image, a split that would be empty, fewer examples of a class than
            folds, or folds of data that are ordered or have a validation split of their own.
    """
    train, held = data.train, data.validation
    if not len(train):
        raise UserError("data: there is no training example; check the data set's files")
    if cuts.folds is not None:
        _check_folds(data, cuts.folds)
        parts = hold_out_fold(len(train), train.strata, cuts.folds, cuts.fold, cuts.seed, train.groups)
        train, held = _divided(train, *parts)
    elif held is None and cuts.validation > 0:
        kept_at, held_at = (
            hold_out_end(len(train), cuts.validation)
            if train.ordered
            else hold_out(len(train), train.strata, cuts.validation, cuts.seed, "validation", train.groups)
        )
        if not len(held_at) or not len(kept_at):
            raise UserError(
                f"data.validation={cuts.validation:g}: needs two training examples"
                f"{' of a class' if train.strata is not None else ''}, and there are too few; set data.validation=0"
            )
        train, held = _divided(train, kept_at, held_at)
    if cuts.limit is not None and cuts.limit < len(train):
        few = (
            torch.arange(cuts.limit)
            if train.ordered
            else take(len(train), train.strata, cuts.limit, cuts.seed, "limit")
        )
        train = train.subset(few)
    splits, spec, learnt = {"train": train, "validation": held, "test": data.test}, data.spec, None
    if data.fit is not None:
        learnt = fitted or data.fit.fit(train)
        splits = {name: split and learnt.apply(split) for name, split in splits.items()}
        spec = learnt.spec or spec
    notes = [f"{name}: {split.note}" for name, split in splits.items() if split is not None and split.note]
    spec = measured(spec, splits["train"])
    made = _sized(spec, cuts)
    if made.is_image:
        splits = {name: split and resize_targets(split, spec, made.inputs) for name, split in splits.items()}
    return replace(data, spec=made, fitted=learnt, notes=(*data.notes, *notes), **splits)


def _dark(train: Split) -> list[str]:
    """A word about pictures of bytes that use few of the 256 values, as 4 bits do in 8."""
    pixels = train.inputs if isinstance(train, TensorSplit) and isinstance(train.inputs, torch.Tensor) else None
    if pixels is None or pixels.dtype != torch.uint8 or (top := int(pixels.max())) >= DARK:
        return []
    return [f"the training pictures are dark: their largest value is {top} of 255"]


def hold_out_end(length: int, fraction: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The indices of the first and of the last examples of an ordered split, `fraction` of which are the last."""
    kept = length - round(length * fraction)
    return torch.arange(kept), torch.arange(kept, length)


def _divided(split: Split, kept: torch.Tensor, held: torch.Tensor) -> tuple[Split, Split]:
    return split.subset(kept), split.subset(held)


def _check_folds(data: Data, folds: int) -> None:
    if data.train.ordered:
        raise UserError(
            f"data.folds={folds}: the data have an order, of which only the end can be held out; use data.validation"
        )
    if data.validation is not None:
        raise UserError(
            f"data.folds={folds}: the data set has a validation split of its own; set data.folds=null data.fold=null"
        )
    groups = data.train.groups
    several = len(data.train) if groups is None else int(groups.max()) + 1
    fewest, label = smallest_class(several, data.train.strata)
    if folds > fewest:
        of = f"class {data.spec.classes[label]} has" if label is not None else "there are"
        remedy = f"use at most data.folds={fewest}" if fewest > 1 else "use data.validation instead"
        raise UserError(f"data.folds={folds}: {of} only {fewest} training examples to share among the folds; {remedy}")


def _sized(spec: DataSpec, cuts: Cuts) -> DataSpec:
    inputs = spec.inputs
    if cuts.image_size is not None:
        if not isinstance(inputs, Image):
            kind = type(inputs).__name__.lower()
            raise UserError(f"data.image_size={cuts.image_size}: the examples are no images ({kind}); set it to null")
        spec = sized(spec, cuts.image_size)
        inputs = spec.inputs
    if isinstance(inputs, Image) and inputs.resize is not None and inputs.resize < min(inputs.height, inputs.width):
        raise UserError(
            f"data.resize={inputs.resize}: is the shorter side of a photograph, of which data.image_size="
            f"{inputs.height} is to be cut out; set it to {inputs.height} or more"
        )
    if cuts.normalize not in (None, UNCHANGED) and not hasattr(inputs, "mean"):
        raise UserError("data.normalize: numbers are for images and vectors, and these data have none; set it to true")
    if cuts.normalize is not None and hasattr(inputs, "mean"):
        mean, std = (one * len(inputs.mean) if len(one) == 1 else one for one in cuts.normalize)
        if len(mean) != len(inputs.mean):
            raise UserError(
                f"data.normalize: has {len(mean)} numbers for each, and the data take {len(inputs.mean)}; give as "
                "many, or one for all"
            )
        inputs = replace(inputs, mean=mean, std=std)
    return replace(spec, inputs=inputs)
