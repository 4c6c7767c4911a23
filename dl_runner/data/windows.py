"""Windows of a stream of tokens, for training and for evaluation: three ways to read a text.

With n tokens, a window that starts at s has the inputs s … s + steps − 1 and the targets one place later, so the last
full one starts at n − 1 − steps. All are pure functions of (seed, epoch). The names are those of Dive into Deep
Learning, section 9.3 ("random sampling", "sequential partitioning") and 9.5.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from dl_runner.data.dataset import Samplers
from dl_runner.data.samplers import Sampler, derived_seed, permutation
from dl_runner.data.text import TokenStream
from dl_runner.errors import UserError

Sampling = Literal["random", "sequential", "overlapping"]
OFFSETS = 1  # the place, beside an epoch, of the random numbers that are offsets


def offset(below: int, seed: int, epoch: int) -> int:
    """Where the first window of an epoch starts, in [0, below)."""
    generator = torch.Generator().manual_seed(derived_seed(seed, epoch, OFFSETS))
    return int(torch.randint(below, (), generator=generator))


class RandomWindows:
    """Windows one after the other from a random offset on, shuffled; the last batch may be smaller.

    There are as many for every offset, so the last few tokens may be left out.
    """

    carries = False

    def __init__(self, tokens: int, steps: int, batch_size: int, seed: int) -> None:
        self._steps, self._batch_size, self._seed = steps, batch_size, seed
        self._windows = max(1, tokens // steps - 1)
        self._offsets = min(steps, tokens - self._windows * steps)

    def __len__(self) -> int:
        return -(-self._windows // self._batch_size)

    def order(self, epoch: int) -> Sequence[Tensor]:
        starts = permutation(self._windows, self._seed, epoch) * self._steps
        return (starts + offset(self._offsets, self._seed, epoch)).split(self._batch_size)


class SequentialWindows:
    """The stream from a random offset on, cut into as many rows as a batch has; each batch has the next window of every
    row, so that a model's hidden state carries on."""

    carries = True

    def __init__(self, tokens: int, steps: int, rows: int, seed: int) -> None:
        self._tokens, self._steps, self._rows, self._seed = tokens, steps, rows, seed
        self._offsets = min(steps, tokens - rows * steps)
        self._windows = (tokens - self._offsets) // rows // steps  # those of the largest offset

    def __len__(self) -> int:
        return self._windows

    def order(self, epoch: int) -> Sequence[Tensor]:
        begin = offset(self._offsets, self._seed, epoch)
        rows = begin + torch.arange(self._rows) * ((self._tokens - 1 - begin) // self._rows)
        return [rows + window * self._steps for window in range(self._windows)]


class OverlappingWindows:
    """Every full window, shuffled; the last batch may be smaller."""

    carries = False

    def __init__(self, tokens: int, steps: int, batch_size: int, seed: int) -> None:
        self._windows, self._batch_size, self._seed = tokens - steps, batch_size, seed

    def __len__(self) -> int:
        return -(-self._windows // self._batch_size)

    def order(self, epoch: int) -> Sequence[Tensor]:
        return permutation(self._windows, self._seed, epoch).split(self._batch_size)


class InOrderWindows:
    """Windows at every `stride`-th start, in order.

    Args:
        windows: how many.
        carries: one row: each batch is a window, which goes on where the one before ended.
    """

    def __init__(self, windows: int, stride: int, batch_size: int, carries: bool = False) -> None:
        self._starts, self._batch_size, self.carries = torch.arange(windows) * stride, batch_size, carries

    def __len__(self) -> int:
        return -(-len(self._starts) // self._batch_size)

    def order(self, epoch: int) -> Sequence[Tensor]:
        return self._starts.split(self._batch_size)


class WindowSamplers(Samplers):
    """How batches are made of a `TokenStream`.

    In evaluation every target is there once, or for overlapping windows in every full window, and the metrics do not
    depend on the size of the batches: windows that were sampled at random begin with a fresh state, and a stream that
    was read in rows is read in one.
    """

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling

    def training(self, split: TokenStream, batch_size: int, seed: int) -> Sampler:
        """Raises UserError: the text is too short."""
        rows = batch_size if self._sampling == "sequential" else 1
        if len(split) <= rows * split.steps:
            raise UserError(
                f"data.steps={split.steps}: {rows} window{'s' if rows > 1 else ''} of so many tokens and the next one "
                f"take more than the {len(split):,} tokens of the training text; use shorter windows"
                f"{', a smaller data.batch_size' if rows > 1 else ''} or more text (data.limit, data.characters)"
            )
        kinds = {"random": RandomWindows, "sequential": SequentialWindows, "overlapping": OverlappingWindows}
        return kinds[self._sampling](len(split), split.steps, batch_size, seed)

    def evaluation(self, split: TokenStream, batch_size: int) -> Sampler:
        """Raises UserError: the text is too short."""
        targets = len(split) - 1
        if targets < 1:
            raise UserError(f"data: a split has {len(split)} tokens, and it takes two to predict one; use more text")
        if self._sampling == "overlapping":
            return InOrderWindows(max(1, targets - split.steps + 1), 1, batch_size)
        carries = self._sampling == "sequential"
        return InOrderWindows(-(-targets // split.steps), split.steps, 1 if carries else batch_size, carries)

    def once(self, split: TokenStream, batch_size: int) -> Sampler:
        return InOrderWindows(-(-(len(split) - 1) // split.steps), split.steps, batch_size)
