"""The batches of a split, on the device, from memory or from files; a training loop cannot tell which.

Order and augmentation are pure functions of (seed, epoch, batch number), so an epoch entered in the middle goes on
exactly as if it had never been left.
"""

import signal
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import DataLoader, Dataset

from dl_runner.data.batch import Batch, map_tensors, part_start
from dl_runner.data.preparation import Preparation
from dl_runner.data.samplers import Sampler, derived_seed
from dl_runner.data.splits import Index, Raw, Split
from dl_runner.errors import UserError
from dl_runner.runtime.cores import allowed_cores
from dl_runner.runtime.interrupt import STOP_SIGNALS

FILES_PER_WORKER = 256  # below this, starting another process costs more than it decodes


class Loader:
    """The examples of a split in batches.

    Args:
        split: the examples.
        sampler: which of them make up each batch.
        preparation: what makes inputs of them, on `device`.
        device: where the batches shall be.
        seed: >= 0, of what the preparation draws.
        share: (rank, size): this is the process `rank` of `size`, which gets its part of every batch; parts differ by
            one example at most, and may be empty where a batch has fewer examples than there are processes.
        repeated: whether several epochs are wanted, so that work done once pays.
        workers: processes that decode files; None takes what cores and number of files suggest, 0 decodes here.
    """

    def __init__(
        self,
        split: Split,
        sampler: Sampler,
        preparation: Preparation,
        *,
        device: torch.device | str,
        seed: int = 0,
        share: tuple[int, int] = (0, 1),
        repeated: bool = False,
        workers: int | None = None,
    ) -> None:
        self.sampler, self.device, self.examples = sampler, torch.device(device), len(split)
        self._seed, self._share = seed, share
        self._counts = split.counted  # on the host
        self._split = split.to(self.device) if split.in_memory else split
        self._preparation = preparation
        if repeated and split.in_memory:
            self._split, self._preparation = preparation.ahead(self._split)
        self._generator = torch.Generator(self.device) if self._preparation.random else None
        self.workers = min(allowed_cores(), len(split) // FILES_PER_WORKER) if workers is None else workers

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.sampler)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """This process's part of the batches `start`, `start` + 1, … of epoch `number`, on the device.

        Raises:
            UserError: a file is missing or damaged.
        """
        whole = self.sampler.order(number)[start:]
        own = [self._part(index) for index in whole]
        place = (self._share[0],) if self._share[0] else ()  # its own random numbers for each process's part
        for position, (index, part, raw) in enumerate(zip(whole, own, self._raw(own), strict=True), start):
            if self._generator is not None:
                self._generator.manual_seed(derived_seed(self._seed, number, position, *place))
            inputs, targets = self._preparation(raw, self._generator) if _length(part) else raw
            yield self._batch(inputs, targets, index, part, position)

    def _batch(self, inputs, targets, index: Index, part: Index, position: int) -> Batch:
        each = self._counts(part)
        counts = {"examples": _length(part), **{name: int(one.sum()) for name, one in each.items()}}
        whole = counts
        if self._share[1] > 1:
            whole = {"examples": _length(index), **{n: int(one.sum()) for n, one in self._counts(index).items()}}
        return Batch(inputs, targets, counts, whole, each, continues=self.sampler.carries and position > 0)

    def _part(self, index: Index) -> Index:
        rank, size = self._share
        if size == 1:
            return index
        low, high = (part_start(_length(index), size, place) for place in (rank, rank + 1))
        return slice(index.start + low, index.start + high) if isinstance(index, slice) else index[low:high]

    def _raw(self, parts: Sequence[Index]) -> Iterator[Raw]:
        """Unprepared inputs and targets on the device."""
        if self._split.in_memory:
            for part, index in zip(parts, self._on_device(parts), strict=True):
                yield self._split.narrowed(part).take(index)
            return
        loader = DataLoader(
            _Taken(self._split),
            batch_size=None,
            sampler=parts,
            num_workers=self.workers,
            worker_init_fn=_leave_signals_to_parent,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # else starting it would draw from the global one
        )
        for raw in loader:
            if isinstance(raw, UserError):
                raise raw
            yield tuple(map_tensors(value, lambda one: one.to(self.device, non_blocking=True)) for value in raw)

    def _on_device(self, parts: Sequence[Index]) -> Sequence[Index]:
        """The indices where the examples are, moved there at once."""
        if self.device.type == "cpu" or not parts or isinstance(parts[0], slice):
            return parts
        return torch.cat(list(parts)).to(self.device).split([len(part) for part in parts])


def _length(index: Index) -> int:
    return index.stop - index.start if isinstance(index, slice) else len(index)


class _Taken(Dataset):
    def __init__(self, split: Split) -> None:
        self.split = split

    def __getitem__(self, index: Index) -> Raw | UserError:
        try:
            return self.split.take(index)
        except UserError as error:
            return error  # returned, as an exception would come out of a worker wrapped in a traceback


def _leave_signals_to_parent(_worker: int) -> None:
    # A terminal and a scheduler send theirs to all processes at once. The workers end with the one that started them.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
