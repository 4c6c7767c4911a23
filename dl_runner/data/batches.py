"""Batches of tensors that are already on the device, from memory or from files; a training loop cannot tell which.

Order and augmentation are pure functions of (seed, epoch, batch number), so an epoch entered in the middle goes on
exactly as if it had never been left.
"""

import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from dl_runner.data.splits import AnySplit, FileSplit, Split
from dl_runner.data.transforms import Transform
from dl_runner.errors import UserError
from dl_runner.runtime.cores import allowed_cores
from dl_runner.runtime.device import MEMORY_FORMATS, MemoryFormat
from dl_runner.spec import DataSpec

KEPT_READY = 2**28  # bytes of floats that are kept instead of being made from bytes again in each epoch
FILES_PER_WORKER = 256  # below this, starting another process costs more than it decodes


def permutation(n: int, seed: int, epoch: int) -> Tensor:
    """The order of `n` examples in an epoch, int64 (n,)."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(_seed(seed, epoch)))


def _seed(seed: int, *place: int) -> int:
    # 32 bits, well mixed: the CPU generator of torch ignores the upper half of a 64-bit seed.
    return int(np.random.SeedSequence(seed, spawn_key=place).generate_state(1)[0])


class InputPipeline:
    """Raw examples to what a model reads: resized to `spec.input_shape`, transformed, normalized; float32.

    Args:
        spec: normalization and target size.
        device: where the raw examples are.
        transform: applied to images in 0..1, between resizing and normalization.
        memory_format: of the images that come out.

    Raises:
        UserError: a transform for vectors.
    """

    def __init__(
        self,
        spec: DataSpec,
        device: torch.device | str,
        transform: Transform | None = None,
        memory_format: MemoryFormat = "contiguous",
    ) -> None:
        if transform is not None and not spec.is_image:
            raise UserError("augment: works on images, and the data set holds vectors; set augment=none")
        shape = (-1, 1, 1) if spec.is_image else (-1,)
        mean, std = (torch.tensor(values, device=device).view(shape) for values in (spec.mean, spec.std))
        self.spec, self.device, self.transform = spec, torch.device(device), transform
        self.memory_format = MEMORY_FORMATS[memory_format]
        self.scale, self.shift = 1 / std, -mean / std
        self.scale_of_bytes = self.scale / 255

    def __call__(self, raw: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Images uint8 (n, channels, height, width) or vectors float32 (n, features); `raw` itself is not changed."""
        if not self.spec.is_image:
            return (raw * self.scale).add_(self.shift)
        if self.transform is None:
            # Resizing takes weighted means, so it may follow the normalization, which is cheaper on small images.
            images = self._resize(raw.float().mul_(self.scale_of_bytes).add_(self.shift))
        else:
            images = self.transform(self._resize(raw.float().div_(255)), generator)
            images = (images * self.scale).add_(self.shift)
        return images.contiguous(memory_format=self.memory_format)

    def _resize(self, images: Tensor) -> Tensor:
        size = self.spec.input_shape[1:]
        if images.shape[-2:] == size:
            return images
        # Antialiasing makes a difference, and costs time, only where a side shrinks.
        shrinks = any(new < old for new, old in zip(size, images.shape[-2:], strict=True))
        return F.interpolate(images, size=size, mode="bilinear", antialias=shrinks)


def to_input(images: Tensor, spec: DataSpec) -> Tensor:
    """Images uint8 (n, channels, height, width) as a model's input: resized and normalized float32, same device."""
    return InputPipeline(spec, images.device)(images)


class Batches(ABC):
    """The examples of a split in batches; the last one of an epoch may be smaller.

    Args:
        split: the examples.
        pipeline: what makes inputs of them, on the device where the batches shall be.
        batch_size: >= 1.
        shuffle: a new order every epoch; otherwise the order of the split.
        seed: >= 0, of order and transform.
        share: (rank, size): this is the process `rank` of `size`, which gets its part of every batch; parts differ by
            one example at most, and may be empty where a batch has fewer examples than there are processes.
    """

    def __init__(
        self,
        split: AnySplit,
        pipeline: InputPipeline,
        *,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.examples, self.batch_size, self.device = len(split), batch_size, pipeline.device
        self.shuffle, self.seed, self.share = shuffle, seed, share
        self.targets = split.targets.to(self.device)
        self._pipeline = pipeline
        self._generator = torch.Generator(self.device) if pipeline.transform is not None else None

    def __len__(self) -> int:
        return -(-self.examples // self.batch_size)

    def size(self, index: int) -> int:
        """The examples of batch `index` in all processes together."""
        return min(self.batch_size, self.examples - index * self.batch_size)

    def blank(self) -> Tensor:
        """One input of zeros."""
        return torch.zeros(1, *self._pipeline.spec.input_shape, device=self.device)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """(inputs, targets) of this process's part of the batches `start`, `start` + 1, … of epoch `number`.

        They are on the device; inputs are float32 (n, *spec.input_shape), targets int64 (n,) or float32 (n, outputs).
        """
        order = permutation(self.examples, self.seed, number) if self.shuffle else None
        place = (self.share[0],) if self.share[0] else ()  # its own random numbers for each process's part
        for index, (raw, targets) in enumerate(self._raw(order, start), start):
            if self._generator is not None:
                self._generator.manual_seed(_seed(self.seed, number, index, *place))
            yield self._ready(raw) if len(raw) else self.blank()[:0], targets

    def _part(self, examples: Tensor) -> Tensor:
        rank, size = self.share
        return examples.tensor_split(size)[rank] if size > 1 else examples

    def _ready(self, raw: Tensor) -> Tensor:
        return self._pipeline(raw, self._generator)

    @abstractmethod
    def _raw(self, order: Tensor | None, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Unprocessed inputs and targets on the device, from batch `start` on, in `order` or that of the split."""


class InMemoryBatches(Batches):
    """Everything lies on the device; a batch is one gather, or one slice.

    Images are kept as the bytes that were read. Where shuffled batches need nothing but normalization, and the floats
    are few, they are kept normalized; a gather copies them, so that no model can change them.
    """

    def __init__(self, split: Split, pipeline: InputPipeline, **options) -> None:
        super().__init__(split, pipeline, **options)
        self.inputs = split.inputs.to(self.device)
        same_size = self.inputs.shape[1:] == pipeline.spec.input_shape
        plain = self.shuffle and same_size and self._generator is None
        self._prepared = plain and 4 * self.inputs.numel() <= KEPT_READY
        if self._prepared:
            self.inputs = self._pipeline(self.inputs)

    def _ready(self, raw: Tensor) -> Tensor:
        # A gather does not always keep the memory format of what it gathers from.
        return raw.contiguous(memory_format=self._pipeline.memory_format) if self._prepared else super()._ready(raw)

    def _raw(self, order: Tensor | None, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = None if order is None else order.to(self.device)
        for low in range(start * self.batch_size, self.examples, self.batch_size):
            batch = slice(low, low + self.batch_size)
            if order is None:
                yield self._part(self.inputs[batch]), self._part(self.targets[batch])
            else:
                chosen = self._part(order[batch])
                yield self.inputs.index_select(0, chosen), self.targets.index_select(0, chosen)


class LoaderBatches(Batches):
    """Files are decoded by worker processes, one batch each at a time; the rest happens on the device.

    Args:
        workers: processes; None takes what cores and number of files suggest, 0 decodes in this process.
    """

    def __init__(self, split: FileSplit, pipeline: InputPipeline, *, workers: int | None = None, **options) -> None:
        super().__init__(split, pipeline, **options)
        self.files = _Files(split)
        self.workers = min(allowed_cores(), self.examples // FILES_PER_WORKER) if workers is None else workers

    def _raw(self, order: Tensor | None, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.arange(self.examples) if order is None else order
        firsts = range(start * self.batch_size, self.examples, self.batch_size)
        chosen = [self._part(order[low : low + self.batch_size]) for low in firsts]
        loader = DataLoader(
            self.files,
            batch_size=None,
            sampler=[indices.tolist() for indices in chosen],
            num_workers=self.workers,
            worker_init_fn=_leave_signals_to_parent,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # else starting it would draw from the global one
        )
        for indices, raw in zip(chosen, loader, strict=True):
            if isinstance(raw, UserError):
                raise raw
            yield raw.to(self.device, non_blocking=True), self.targets[indices.to(self.device)]


class _Files(Dataset):
    def __init__(self, split: FileSplit) -> None:
        self.split = split

    def __getitem__(self, indices: list[int]) -> Tensor | UserError:
        if not indices:
            return torch.empty(0)
        try:
            return self.split.load(indices)
        except UserError as error:
            return error  # returned, as an exception would come out of a worker wrapped in a traceback


def _leave_signals_to_parent(_worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def batches(
    split: AnySplit,
    spec: DataSpec,
    *,
    device: torch.device | str,
    transform: Transform | None = None,
    memory_format: MemoryFormat = "contiguous",
    **options,
) -> Batches:
    """The batches of a split, from memory or from its files; arguments as for `InputPipeline` and `Batches`.

    Raises:
        UserError: a transform for vectors.
    """
    kind = LoaderBatches if isinstance(split, FileSplit) else InMemoryBatches
    return kind(split, InputPipeline(spec, device, transform, memory_format), **options)
