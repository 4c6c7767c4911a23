"""Batches of sentences that are about equally long, so that little of them is padding."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from dl_runner.data.dataset import Samplers
from dl_runner.data.pairs import TokenPairs
from dl_runner.data.samplers import Sampler, Shuffled, derived_seed, permutation

Batching = Literal["buckets", "shuffled"]
POOL = 100  # batches whose examples are sorted together
BATCHES = 1  # the place, beside an epoch, of the random numbers that order its batches


class Buckets:
    """All examples in a new order every epoch, those of similar lengths in one batch; one batch may be smaller.

    The shuffled examples are cut into pools of `POOL` batches. Each pool is sorted by length and cut into batches, and
    the batches of all pools are shuffled. Who meets whom differs from epoch to epoch, as equally long examples stay in
    the order into which they were shuffled.

    Args:
        lengths: int64 (n, kinds) of the examples, on the host; the first kind counts most.
    """

    carries = False

    def __init__(self, lengths: Tensor, batch_size: int, seed: int) -> None:
        self._lengths, self._batch_size, self._seed = lengths, batch_size, seed

    def __len__(self) -> int:
        return -(-len(self._lengths) // self._batch_size)

    def order(self, epoch: int) -> Sequence[Tensor]:
        shuffled = permutation(len(self._lengths), self._seed, epoch)
        pools = [pool[by_length(self._lengths[pool])] for pool in shuffled.split(POOL * self._batch_size)]
        batches = [batch for pool in pools for batch in pool.split(self._batch_size)]
        generator = torch.Generator().manual_seed(derived_seed(self._seed, epoch, BATCHES))
        return [batches[place] for place in torch.randperm(len(batches), generator=generator).tolist()]


class ByLength:
    """All examples once, sorted by length and cut into batches, which come in the order of their first examples.

    Args:
        lengths: as for `Buckets`.
    """

    carries = False

    def __init__(self, lengths: Tensor, batch_size: int) -> None:
        batches = [batch.sort().values for batch in by_length(lengths).split(batch_size) if len(batch)]
        self._batches = sorted(batches, key=lambda batch: int(batch[0]))

    def __len__(self) -> int:
        return len(self._batches)

    def order(self, epoch: int) -> Sequence[Tensor]:
        return self._batches


def by_length(lengths: Tensor) -> Tensor:
    """The order that sorts the rows (n, kinds) by their first column, then by the next; int64 (n,)."""
    return torch.from_numpy(np.lexsort(lengths.numpy().T[::-1]))  # of its keys the last counts most; stable


class PairSamplers(Samplers):
    """How batches are made of `TokenPairs`. Metrics do not depend on it, as they are sums over all examples."""

    def __init__(self, batching: Batching) -> None:
        self._batching = batching

    def training(self, split: TokenPairs, batch_size: int, seed: int) -> Sampler:
        if self._batching == "shuffled":
            return Shuffled(len(split), batch_size, seed)
        return Buckets(_target_first(split), batch_size, seed)

    def evaluation(self, split: TokenPairs, batch_size: int) -> Sampler:
        if self._batching == "shuffled":
            return super().evaluation(split, batch_size)
        return ByLength(_target_first(split), batch_size)


def _target_first(split: TokenPairs) -> Tensor:
    """Each place of a target costs as many logits as there are words, so most is saved by padding few of them."""
    return split.lengths.flip(1)
