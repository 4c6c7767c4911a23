"""Seeded choices of examples: hold out a share of them, or take so many, with the classes in proportion.

All are pure functions of their arguments; the global random state is neither read nor changed.
"""

import numpy as np
import torch
from torch import Tensor

# One independent random stream per purpose, so that, say, `limit` does not move the validation split.
STREAMS = {"test": 1, "validation": 2, "limit": 3, "folds": 4}


def hold_out(
    examples: int, strata: Tensor | None, fraction: float, seed: int, stream: str, groups: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Two disjoint sets of indices: those kept and those held out, each in ascending order.

    Classes are stratified: of every class with two examples or more at least one is kept and one held out, and the
    number held out is within one of `fraction` of the class; a class of one example is kept. Without classes the
    examples are split at random, at least one on either side.

    Args:
        examples: n.
        strata: the class of each example, int64 (n,), or None.
        fraction: share to hold out, in (0, 1).
        seed: >= 0.
        stream: a key of STREAMS.
        groups: the group of each example, int64 (n,), numbered from 0, where groups are held out whole; `fraction` is a
            share of the groups then, and there are no classes.

    Returns:
        kept and held out, int64; the held-out set is empty when no class (or not n) reaches two examples.
    """
    if groups is not None:
        return _members(groups, hold_out(_count(groups), None, fraction, seed, stream)[1])
    sizes, members = _classes(examples, strata)
    quota = fraction * sizes
    low = np.minimum(np.maximum(np.floor(quota), 1), sizes - 1)
    high = np.clip(np.ceil(quota), low, sizes - 1)
    held = _draw(members, _apportion(quota, round(quota.sum()), low, high), seed, stream)
    kept = np.setdiff1d(np.arange(examples), held, assume_unique=True)
    return torch.from_numpy(kept), torch.from_numpy(held)


def take(examples: int, strata: Tensor | None, count: int, seed: int, stream: str) -> Tensor:
    """Indices of exactly `count` examples, ascending; classes in proportion, none left out if `count` allows.

    Args:
        examples: n.
        strata: the class of each example, int64 (n,), or None: drawn at random.
        count: in [0, n].
        seed: >= 0.
        stream: a key of STREAMS.
    """
    sizes, members = _classes(examples, strata)
    low = np.full(len(sizes), 1 if count >= len(sizes) else 0)
    counts = _apportion(count * sizes / max(sizes.sum(), 1), count, low, sizes)
    return torch.from_numpy(_draw(members, counts, seed, stream))


def hold_out_fold(
    examples: int, strata: Tensor | None, folds: int, fold: int, seed: int, groups: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The indices outside and inside one of `folds` parts, each in ascending order.

    The parts are disjoint and together hold every example once. Their sizes differ by one at most, and so do their
    shares of any class; without classes the examples are dealt at random.

    Args:
        examples: n.
        strata: the class of each example, int64 (n,), or None.
        folds: in [2, n].
        fold: in [0, folds).
        seed: >= 0.
        groups: as for `hold_out`; the parts have equally many groups then.
    """
    if groups is not None:
        return _members(groups, hold_out_fold(_count(groups), None, folds, fold, seed)[1])
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAMS["folds"],)))
    # Dealt like cards, class after class, so that a class goes on at the part where the one before it stopped.
    dealt = np.concatenate([generator.permutation(of_class) for of_class in _classes(examples, strata)[1]])
    held = np.sort(dealt[fold::folds])
    kept = np.setdiff1d(np.arange(examples), held, assume_unique=True)
    return torch.from_numpy(kept), torch.from_numpy(held)


def _count(groups: Tensor) -> int:
    return int(groups.max()) + 1 if len(groups) else 0


def _members(groups: Tensor, held: Tensor) -> tuple[Tensor, Tensor]:
    """The examples of all other groups, and of those held out; each in ascending order."""
    inside = torch.isin(groups, held)
    return (~inside).nonzero().squeeze(1), inside.nonzero().squeeze(1)


def smallest_class(examples: int, strata: Tensor | None) -> tuple[int, int | None]:
    """The number of examples of the rarest class that occurs, and its label; of all, and None, without classes."""
    sizes, members = _classes(examples, strata)
    rarest = int(sizes.argmin())
    return int(sizes[rarest]), None if strata is None else int(strata[members[rarest][0]])


def _classes(examples: int, strata: Tensor | None) -> tuple[np.ndarray, list[np.ndarray]]:
    """Size and members of every class that occurs; without classes, of all examples."""
    if strata is None:
        return np.array([examples]), [np.arange(examples)]
    order = np.argsort(strata.numpy(), kind="stable")
    sizes = np.unique(strata.numpy(), return_counts=True)[1]
    return sizes, np.split(order, np.cumsum(sizes)[:-1])


def _apportion(quota: np.ndarray, total: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Whole numbers in [low, high] nearest to the quotas by largest remainder, with sum `total` where they allow it."""
    counts = np.clip(np.floor(quota), low, high).astype(int)
    while counts.sum() < total and (counts < high).any():
        counts[np.where(counts < high, quota - counts, -np.inf).argmax()] += 1
    while counts.sum() > total and (counts > low).any():
        counts[np.where(counts > low, counts - quota, -np.inf).argmax()] -= 1
    return counts


def _draw(members: list[np.ndarray], counts: np.ndarray, seed: int, stream: str) -> np.ndarray:
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAMS[stream],)))
    chosen = [generator.permutation(of_class)[:count] for of_class, count in zip(members, counts, strict=True)]
    return np.sort(np.concatenate(chosen))
