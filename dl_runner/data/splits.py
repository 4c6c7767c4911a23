"""The examples of a split, in memory or as image files."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from dl_runner.data.batch import Tensors, first_tensor, map_tensors
from dl_runner.data.images import UnreadablePicture, decode
from dl_runner.runtime.progress import in_threads

Raw = tuple[Tensors, Tensors]  # inputs and targets of some examples as a split holds them
Index = Tensor | slice  # of examples: int64 (n,), or a range of them


class Split(ABC):
    """Examples, of which a sampler chooses some for each batch.

    Attributes:
        ordered: whether the examples are a sequence, such as a text: what is held out of it is a stretch at its end.
        strata: int64 (n,) on the host, the class of each example, of which every part of the split gets its share; None
            where there are none.
        groups: int64 (n,) on the host, numbered from 0: examples of a group, such as translations of the same sentence,
            are held out together or not at all; None where each is on its own.
        files: the file that each example's inputs are read from, in their order; () where they are not in files of
            their own.
        in_memory: whether `take` is quick enough to be called in the training loop, on the split's own device.
        note: what a person has to know of how the examples were made; "" for nothing.
    """

    ordered: bool = False
    strata: Tensor | None = None
    groups: Tensor | None = None
    files: tuple[Path, ...] = ()
    in_memory: bool = True
    note: str = ""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def subset(self, indices: Tensor) -> "Split":
        """The examples at `indices`, int64 (n,), in their order."""

    @abstractmethod
    def take(self, index: Index) -> Raw:
        """Some examples, each tensor with a new dimension 0."""

    def counted(self, index: Index) -> Mapping[str, Tensor]:
        """What losses are means over beside examples, such as tokens: for each of the examples, int64 (n,), on the
        host."""
        return {}

    def narrowed(self, index: Index) -> "Split":
        """The split without what the examples at `index` do not need, such as places at which all of them are padded;
        a view.

        Args:
            index: on the host, so that no device has to be asked how long the examples are.
        """
        return self

    def to(self, device: torch.device | str) -> "Split":
        """The split with what it holds in memory on the device."""
        return self

    def loaded(self) -> "Split":
        """The split in memory, if that is where it shall be during the training."""
        return self

    @abstractmethod
    def digest(self) -> bytes:
        """Some bytes that change when examples are added, removed, changed, relabelled or reordered; what is in `files`
        is left out."""


@dataclass(frozen=True, eq=False)
class TensorSplit(Split):
    """Examples in memory.

    Args:
        inputs: images, uint8 (n, channels, height, width), vectors, float32 (n, features), or what else a task takes, a
            dict of tensors included; on the CPU at first.
        targets: int64 (n,) class labels, float32 (n, outputs), or what else a task takes.
        counts: what a loss is a mean over beside examples: for each example, int64 (n,).
        files: one for each example, which its inputs have been read from; () if they have not.

    Raises:
        ValueError: tensors of different lengths (the mistake of a builder's author).
    """

    inputs: Tensors
    targets: Tensors
    counts: Mapping[str, Tensor] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        tensors = [*_tensors(self.inputs), *_tensors(self.targets), *self.counts.values()]
        if len({len(one) for one in tensors}) != 1:
            raise ValueError(
                f"an example has a row in each tensor, and their lengths are {[len(one) for one in tensors]}"
            )
        if self.files and len(self.files) != len(tensors[0]):
            raise ValueError(f"{len(self.files)} files but {len(tensors[0])} examples")

    def __len__(self) -> int:
        return len(first_tensor(self.targets))

    @property
    def strata(self) -> Tensor | None:
        targets = self.targets
        return targets if isinstance(targets, Tensor) and (targets.dtype, targets.ndim) == (torch.int64, 1) else None

    def subset(self, indices: Tensor) -> "TensorSplit":
        inputs, targets = (map_tensors(value, lambda one: one[indices]) for value in (self.inputs, self.targets))
        counts = {name: counted[indices] for name, counted in self.counts.items()}
        files = tuple(self.files[index] for index in indices.tolist()) if self.files else ()
        return TensorSplit(inputs, targets, counts, files)

    def take(self, index: Index) -> Raw:
        if isinstance(index, slice):
            return tuple(map_tensors(value, lambda one: one[index]) for value in (self.inputs, self.targets))
        return tuple(
            map_tensors(value, lambda one: one.index_select(0, index)) for value in (self.inputs, self.targets)
        )

    def counted(self, index: Index) -> Mapping[str, Tensor]:
        return {name: counted[index] for name, counted in self.counts.items()}

    def to(self, device: torch.device | str) -> "TensorSplit":
        inputs, targets = (map_tensors(value, lambda one: one.to(device)) for value in (self.inputs, self.targets))
        return TensorSplit(inputs, targets, self.counts, self.files)

    def digest(self) -> bytes:
        return tensor_digest([*(() if self.files else _tensors(self.inputs)), *_tensors(self.targets)])


def _tensors(value: Tensors) -> list[Tensor]:
    return list(value.values()) if isinstance(value, dict) else [value]


def tensor_digest(tensors: Sequence[Tensor]) -> bytes:
    """32 bytes that change with the types, the shapes and the content of tensors on the CPU."""
    digest = hashlib.sha256()
    for one in tensors:
        digest.update(f"{one.dtype} {tuple(one.shape)} ".encode())
        digest.update(one.contiguous().view(-1).view(torch.uint8).numpy())
    return digest.digest()


@dataclass(frozen=True, eq=False)
class FileSplit(Split):
    """Images that stay in their files until a batch needs them.

    Args:
        paths: one file per example.
        targets: int64 (n,) class labels.
        image_size: side of the square that each is decoded to, >= 1.
        white: as for `decode`.
        preload: whether `loaded` decodes them all.
    """

    paths: tuple[Path, ...]
    targets: Tensor
    image_size: int
    white: float | None = None
    preload: bool = False
    in_memory = False

    def __post_init__(self) -> None:
        if len(self.paths) != len(self.targets):
            raise ValueError(f"{len(self.paths)} files but {len(self.targets)} targets")

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def strata(self) -> Tensor:
        return self.targets

    def subset(self, indices: Tensor) -> "FileSplit":
        return replace(self, paths=tuple(self.paths[i] for i in indices.tolist()), targets=self.targets[indices])

    def take(self, index: Index) -> Raw:
        """Decoded images, uint8 (n, 3, image_size, image_size), and their labels.

        Raises:
            UserError: a file is missing or not an image.
        """
        places = range(len(self))[index] if isinstance(index, slice) else index.tolist()
        return self.load(places), self.targets[index]

    def load(self, indices: Sequence[int]) -> Tensor:
        """Decoded images alone."""
        images = torch.empty(len(indices), 3, self.image_size, self.image_size, dtype=torch.uint8)
        for place, index in enumerate(indices):
            images[place] = self.image(index)
        return images

    def loaded(self) -> Split:
        if not self.preload:
            return self
        images = torch.empty(len(self), 3, self.image_size, self.image_size, dtype=torch.uint8)

        def fill(index: int) -> None:
            images[index] = self.image(index)

        in_threads(fill, range(len(self)), "decoding pictures")
        return TensorSplit(images, self.targets, files=self.paths)

    def image(self, index: int) -> Tensor:
        """One image by its place."""
        try:
            return self.decode(self.paths[index])
        except UnreadablePicture as error:
            advice = "data.skip_damaged=true goes on without it, and `dlrun check` lists all such files"
            raise UnreadablePicture(f"{error}; {advice}") from None

    def decode(self, path: Path) -> Tensor:
        """One image."""
        return decode(path, (self.image_size, self.image_size), white=self.white)

    @property
    def files(self) -> tuple[Path, ...]:
        return self.paths

    def digest(self) -> bytes:
        return tensor_digest([self.targets])
