"""What a data set tells the rest of the program about itself: the kinds of its inputs and targets. Imports no torch.

Every size in a model that depends on the data comes from here. A kind is a small frozen value with a `shape`, that of
one example as a tensor (without the dimension of the batch), and for targets a `size`, the numbers that a model gives
for each place that has a target. `dl_runner.data.batch.blank` makes a batch of zeros of any kind.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Image:
    """Pictures, float32 (channels, height, width) when a model gets them.

    Args:
        mean, std: per channel, in units of 0..1: subtracted from the pixels, which are then divided; std > 0.
        white: the value that was white in files of more than 8 bits a channel; None where all have 8.
        resize: the shorter side that a photograph is resized to before its centre is cut out; None: as small as the
            image allows.
    """

    channels: int
    height: int
    width: int
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    white: float | None = None
    resize: int | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width


@dataclass(frozen=True)
class Vector:
    """`size` numbers, float32 (size,).

    Args:
        mean, std: one number each: subtracted from all of them, which are then divided; std > 0.
    """

    size: int
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @property
    def shape(self) -> tuple[int]:
        return (self.size,)


@dataclass(frozen=True)
class Tokens:
    """Sequences of token numbers, int64 (length,); as inputs and as targets, a token to predict at each place.

    Args:
        vocabulary: how many different tokens there are; they are numbered from 0.
        length: of an example; of the longest one where they differ.
        pad: the token that fills up shorter examples, which is no target; None where all are equally long.
    """

    vocabulary: int
    length: int
    pad: int | None = None

    @property
    def shape(self) -> tuple[int]:
        return (self.length,)

    @property
    def size(self) -> int:
        return self.vocabulary


@dataclass(frozen=True)
class Columns:
    """A row of a table: {"numeric": float32 (len(numeric),), "categories": int64 (len(categories),)}.

    Args:
        numeric: names of the columns of numbers.
        categories: names of the columns of categories.
        sizes: how many codes each of these has. Code 0 stands for all categories that are not told apart, as they were
            unseen in training or too rare there; in a one-hot vector it is zeros.
    """

    numeric: tuple[str, ...]
    categories: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """The numbers of a row as one vector: its numbers, then each category one-hot."""
        return len(self.numeric) + sum(size - 1 for size in self.sizes)


@dataclass(frozen=True)
class Classes:
    """One class for each example, int64 (); `names` in the order of the labels."""

    names: tuple[str, ...]

    @property
    def shape(self) -> tuple[()]:
        return ()

    @property
    def size(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Numbers:
    """`size` numbers for each example, float32 (size,).

    Args:
        mean, std: of the training targets, one of each for every number; None where they are unknown.
        log_mean, log_std: of their natural logarithms; None also where one of the targets is not above 0.
    """

    size: int
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    log_mean: tuple[float, ...] | None = None
    log_std: tuple[float, ...] | None = None

    @property
    def shape(self) -> tuple[int]:
        return (self.size,)


@dataclass(frozen=True)
class Pixels:
    """A class for each pixel of the input, uint8 (height, width).

    Args:
        names: of the classes, in the order of the labels.
        ignore: the label of pixels that are no targets.
    """

    names: tuple[str, ...]
    height: int
    width: int
    ignore: int = 255

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def size(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Boxes:
    """Objects in a picture: {"boxes": float32 (most, 4), as x1, y1, x2, y2 in pixels, "classes": int64 (most,)}.

    Args:
        names: of the classes, in the order of the labels.
        most: objects in one picture; fewer are followed by boxes of zeros of class -1.
    """

    names: tuple[str, ...]
    most: int

    @property
    def size(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Fields:
    """Several tensors for each example, by name. A model gets inputs of this kind as keyword arguments."""

    fields: tuple[tuple[str, "Kind"], ...]

    @classmethod
    def of(cls, **fields: "Kind") -> "Fields":
        return cls(tuple(fields.items()))

    def __getitem__(self, name: str) -> "Kind":
        return dict(self.fields)[name]


Kind = Image | Vector | Tokens | Columns | Classes | Numbers | Pixels | Boxes | Fields
KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (Image, Vector, Tokens, Columns, Classes, Numbers, Pixels, Boxes, Fields)
}


@dataclass(frozen=True)
class DataSpec:
    """The kinds of a data set's inputs and targets, and the task that learns from them unless the user names another.

    Args:
        task: a name of the config group `task`.
    """

    inputs: Kind
    targets: Kind
    task: str

    @property
    def is_image(self) -> bool:
        return isinstance(self.inputs, Image)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one example, without the batch.

        Raises:
            AttributeError: it has several tensors.
        """
        return self.inputs.shape

    @property
    def channels(self) -> int:
        return self.inputs.channels

    @property
    def outputs(self) -> int:
        """The numbers that a model gives for each target: classes, tokens of a vocabulary, or regression targets.

        Raises:
            AttributeError: an example has several kinds of targets.
        """
        return self.targets.size

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the labels; () where the targets are no classes."""
        return getattr(self.targets, "names", ())

    @property
    def values(self) -> int:
        """How many numbers a model reads for one example, or gives for it, whichever is more."""
        return max(_values(self.inputs), _values(self.targets) * _width(self.targets))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-ready containers, for run.json and weight files."""
        return {"inputs": _to_plain(self.inputs), "targets": _to_plain(self.targets), "task": self.task}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "DataSpec":
        """Inverse of `to_dict`; also reads the form that version 0.1.0 wrote.

        Raises:
            KeyError, TypeError: it is no such form.
        """
        if "input_shape" in plain:
            return _of_version_0_1(plain)
        return cls(_from_plain(plain["inputs"]), _from_plain(plain["targets"]), plain["task"])


def reads_tokens(spec: DataSpec) -> bool:
    """Whether all that a model reads are tokens, so that its inputs are texts."""
    kinds = [kind for _, kind in spec.inputs.fields] if isinstance(spec.inputs, Fields) else [spec.inputs]
    return all(isinstance(kind, Tokens) for kind in kinds)


def _values(kind: Kind) -> int:
    if isinstance(kind, Fields):
        return sum(_values(field) for _, field in kind.fields)
    if isinstance(kind, Columns):
        return kind.width
    return kind.most if isinstance(kind, Boxes) else math.prod(kind.shape)


def _width(kind: Kind) -> int:
    """The numbers that a model gives for each place of a target."""
    if isinstance(kind, Fields):
        return max(_width(field) for _, field in kind.fields)
    return 1 if isinstance(kind, Numbers) else kind.size


def _to_plain(kind: Kind) -> dict[str, Any]:
    if isinstance(kind, Fields):
        return {"kind": "Fields", "fields": {name: _to_plain(field) for name, field in kind.fields}}
    return {"kind": type(kind).__name__, **asdict(kind)}


def _from_plain(plain: Mapping[str, Any]) -> Kind:
    kind = KINDS[plain["kind"]]
    if kind is Fields:
        return Fields.of(**{name: _from_plain(field) for name, field in plain["fields"].items()})
    values = {name: value for name, value in plain.items() if name != "kind"}
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def _of_version_0_1(plain: Mapping[str, Any]) -> DataSpec:
    shape, classes = plain["input_shape"], tuple(plain["classes"])
    kind = Image if len(shape) == 3 else Vector
    inputs = kind(*shape, mean=tuple(plain["mean"]), std=tuple(plain["std"]))
    targets = Classes(classes) if plain["task"] == "classification" else Numbers(plain["outputs"])
    return DataSpec(inputs, targets, plain["task"])
