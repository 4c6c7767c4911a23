"""Which examples make up each batch of an epoch: pure functions of (seed, epoch), with no state to save.

An epoch entered in the middle therefore goes on exactly as if it had never been left.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from dl_runner.data.splits import Index


class Sampler(Protocol):
    """The batches of an epoch.

    Attributes:
        carries: whether each example of a batch goes on where the one at its place in the batch before ended.
    """

    carries: bool

    def __len__(self) -> int:
        """Batches in an epoch, the same in every epoch."""

    def order(self, epoch: int) -> Sequence[Index]:
        """The examples of each batch."""


def derived_seed(seed: int, *place: int) -> int:
    """A seed for one use of several, such as an epoch or a batch.

    Args:
        seed: >= 0, of any size.
        place: what it is for, each >= 0.
    """
    # 32 bits, well mixed: the CPU generator of torch ignores the upper half of a 64-bit seed.
    return int(np.random.SeedSequence(seed, spawn_key=place).generate_state(1)[0])


def permutation(n: int, seed: int, epoch: int) -> Tensor:
    """The order of `n` examples in an epoch, int64 (n,)."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(derived_seed(seed, epoch)))


class Shuffled:
    """All examples in a new order every epoch; the last batch may be smaller."""

    carries = False

    def __init__(self, examples: int, batch_size: int, seed: int) -> None:
        self._examples, self._batch_size, self._seed = examples, batch_size, seed

    def __len__(self) -> int:
        return -(-self._examples // self._batch_size)

    def order(self, epoch: int) -> Sequence[Tensor]:
        return permutation(self._examples, self._seed, epoch).split(self._batch_size)


class InOrder:
    """All examples in the order of their split; the last batch may be smaller."""

    carries = False

    def __init__(self, examples: int, batch_size: int) -> None:
        self._examples, self._batch_size = examples, batch_size

    def __len__(self) -> int:
        return -(-self._examples // self._batch_size)

    def order(self, epoch: int) -> Sequence[slice]:
        ends = range(self._batch_size, self._examples + self._batch_size, self._batch_size)
        return [slice(end - self._batch_size, min(end, self._examples)) for end in ends]


class First:
    """The first batches of another sampler, at most so many."""

    def __init__(self, sampler: Sampler, batches: int) -> None:
        self.carries, self._sampler, self._batches = sampler.carries, sampler, batches

    def __len__(self) -> int:
        return min(len(self._sampler), self._batches)

    def order(self, epoch: int) -> Sequence[Index]:
        return self._sampler.order(epoch)[: self._batches]


def evenly_spaced(examples: int, most: int) -> Tensor:
    """The places of at most so many of the examples, from the first to the last, int64 (n,)."""
    n = min(examples, most)
    return torch.arange(n) * examples // n
