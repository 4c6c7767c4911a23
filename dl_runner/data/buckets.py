"""Batches of examples that are about equally long, so that little of them is padding."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from dl_runner.data.dataset import Samplers
from dl_runner.data.pairs import TokenPairs
from dl_runner.data.samplers import Sampler, Shuffled, derived_seed, permutation

Batching = Literal["buckets", "shuffled"]
POOL = 100  # batches among whose examples those of similar lengths are put together
BATCHES = 1  # the place, beside an epoch, of the random numbers that order batches


class Buckets:
    """All examples in a new order every epoch, those of similar lengths in one batch; the last batch of a pool may be
    smaller.

    The shuffled examples are cut into pools of `POOL` batches; each pool is sorted by length and cut into batches, and
    the batches of all pools are shuffled. Which examples meet in a batch therefore differs from epoch to epoch.

    Args:
        lengths: int64 (n, …) of the examples; the first column counts most.
    """

    carries = False

    def __init__(self, lengths: Tensor, batch_size: int, seed: int) -> None:
        self._lengths, self._batch_size, self._seed = lengths.view(len(lengths), -1), batch_size, seed

    def __len__(self) -> int:
        return -(-len(self._lengths) // self._batch_size)

    def order(self, epoch: int) -> Sequence[Tensor]:
        shuffled = permutation(len(self._lengths), self._seed, epoch)
        batches = [
            batch
            for pool in shuffled.split(POOL * self._batch_size)
            for batch in self._sorted(pool).split(self._batch_size)
        ]
        generator = torch.Generator().manual_seed(derived_seed(self._seed, epoch, BATCHES))
        return [batches[place] for place in torch.randperm(len(batches), generator=generator).tolist()]

    def _sorted(self, pool: Tensor) -> Tensor:
        columns = self._lengths[pool].numpy().T
        return pool[torch.from_numpy(np.lexsort(columns[::-1]))]  # the last key counts most; stable


class PairSamplers(Samplers):
    """How batches are made of sentence pairs."""

    def __init__(self, batching: Batching) -> None:
        self._batching = batching

    def training(self, split: TokenPairs, batch_size: int, seed: int) -> Sampler:
        if self._batching == "shuffled":
            return Shuffled(len(split), batch_size, seed)
        return Buckets(split.lengths, batch_size, seed)
