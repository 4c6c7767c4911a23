"""The splits of a data set: in memory or as image files, and how train, validation and limit are cut from it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from dl_runner.data.images import decode
from dl_runner.data.sampling import hold_out, hold_out_fold, smallest_class, take
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec


@dataclass(frozen=True, eq=False)
class Split:
    """Examples in memory.

    Args:
        inputs: images, uint8 (n, channels, height, width), or vectors, float32 (n, features); on the CPU.
        targets: int64 (n,) class labels, or float32 (n, outputs).

    Raises:
        ValueError: other types or shapes (the mistake of a builder's author).
    """

    inputs: Tensor
    targets: Tensor

    def __post_init__(self) -> None:
        if (self.inputs.dtype, self.inputs.ndim) not in ((torch.uint8, 4), (torch.float32, 2)):
            raise ValueError(
                f"inputs are {self.inputs.dtype} {tuple(self.inputs.shape)}; want uint8 4-D or float32 2-D"
            )
        _check_targets(self.targets, len(self.inputs))

    def __len__(self) -> int:
        return len(self.targets)

    def subset(self, indices: Tensor) -> "Split":
        """The examples at `indices`, int64, in their order."""
        return Split(self.inputs.index_select(0, indices), self.targets.index_select(0, indices))


@dataclass(frozen=True, eq=False)
class FileSplit:
    """Images that stay in their files until a batch needs them.

    Args:
        paths: one file per example.
        targets: int64 (n,) class labels.
        image_size: side of the square that each is decoded to, >= 1.
    """

    paths: tuple[Path, ...]
    targets: Tensor
    image_size: int

    def __post_init__(self) -> None:
        _check_targets(self.targets, len(self.paths))

    def __len__(self) -> int:
        return len(self.paths)

    def subset(self, indices: Tensor) -> "FileSplit":
        """The examples at `indices`, int64, in their order."""
        return FileSplit(tuple(self.paths[index] for index in indices.tolist()), self.targets[indices], self.image_size)

    def load(self, indices: Sequence[int]) -> Tensor:
        """Decoded images, uint8 (len(indices), 3, image_size, image_size).

        Raises:
            UserError: a file is missing or not an image.
        """
        return torch.stack([decode(self.paths[index], (self.image_size, self.image_size)) for index in indices])


AnySplit = Split | FileSplit


@dataclass(frozen=True, eq=False)
class Data:
    """A data set; `validation` and `test` are None where there are none."""

    spec: DataSpec
    train: AnySplit
    validation: AnySplit | None = None
    test: AnySplit | None = None


def prepare(
    data: Data,
    *,
    validation: float,
    limit: int | None,
    image_size: int | None,
    normalize: bool,
    seed: int,
    folds: int | None = None,
    fold: int | None = None,
) -> Data:
    """What a builder returned, made ready for training; the same seed gives the same splits.

    Args:
        data: a builder's result; a validation split that it brought itself is kept.
        validation: share of the training examples held out for validation, in [0, 1); 0 for none.
        limit: train on at most this many of the examples left, >= 1, classes in proportion; None for all.
        image_size: side of the square that a batch is resized to, in pixels; None for the native size.
        normalize: False sets mean 0 and standard deviation 1.
        seed: >= 0.
        folds: cut the training examples into so many stratified parts, >= 2, instead of holding out `validation`.
        fold: the part that is the validation split, in [0, folds); the others are the training split.

    Raises:
        UserError: vectors with an image size, a split that would be empty, fewer examples of a class than folds, or
            folds of data that have a validation split of their own.
    """
    spec, train, held = _fitted(data.spec, image_size, normalize), data.train, data.validation
    if not len(train):
        raise UserError("data: there is no training example; check the data set's files")
    if folds is not None:
        _check_folds(data, folds)
        kept_at, held_at = hold_out_fold(train.targets, folds, fold, seed)
        train, held = train.subset(kept_at), train.subset(held_at)
    elif held is None and validation > 0:
        kept_at, held_at = hold_out(train.targets, validation, seed, "validation")
        if not len(held_at):
            raise UserError(
                f"data.validation={validation:g}: needs two training examples{' of a class' if spec.classes else ''}, "
                f"and there are too few; set data.validation=0"
            )
        train, held = train.subset(kept_at), train.subset(held_at)
    if limit is not None and limit < len(train):
        train = train.subset(take(train.targets, limit, seed, "limit"))
    return Data(spec, train, held, data.test)


def _check_folds(data: Data, folds: int) -> None:
    if data.validation is not None:
        raise UserError(
            f"data.folds={folds}: the data set has a validation split of its own; set data.folds=null data.fold=null"
        )
    fewest, label = smallest_class(data.train.targets)
    if folds > fewest:
        of = f"class {data.spec.classes[label]} has" if label is not None else "there are"
        remedy = f"use at most data.folds={fewest}" if fewest > 1 else "use data.validation instead"
        raise UserError(f"data.folds={folds}: {of} only {fewest} training examples to share among the folds; {remedy}")


def fingerprint(data: Data) -> str:
    """A short text that changes when examples are added, removed, relabelled, reordered or split otherwise."""
    digest = hashlib.sha256()
    for split in (data.train, data.validation, data.test):
        if split is not None:
            digest.update(split.targets.numpy().tobytes())
            if isinstance(split, FileSplit):
                digest.update("\n".join(path.name for path in split.paths).encode())
        digest.update(b"|")
    return digest.hexdigest()[:16]


def _fitted(spec: DataSpec, image_size: int | None, normalize: bool) -> DataSpec:
    if image_size is not None:
        if not spec.is_image:
            raise UserError(f"data.image_size={image_size}: the examples are vectors, not images; set it to null")
        spec = replace(spec, input_shape=(spec.channels, image_size, image_size))
    if normalize:
        return spec
    return replace(spec, mean=(0.0,) * len(spec.mean), std=(1.0,) * len(spec.std))


def _check_targets(targets: Tensor, inputs: int) -> None:
    if (targets.dtype, targets.ndim) not in ((torch.int64, 1), (torch.float32, 2)):
        raise ValueError(f"targets are {targets.dtype} {tuple(targets.shape)}; want int64 (n,) or float32 (n, outputs)")
    if len(targets) != inputs:
        raise ValueError(f"{inputs} inputs but {len(targets)} targets")
