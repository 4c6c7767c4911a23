"""A batch: inputs and targets of some examples, and the counts that the loss is a mean over.

The whole batch of a step may be cut in parts, between processes and for the accumulation of gradients. A part's loss is
its sum of terms over the *whole* batch's count, so that the gradients of all parts add up to those of the whole batch,
however unequal the parts are. Counts are known on the host, where a batch is made: nothing waits for the device.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import torch
from torch import Tensor

from dl_runner.spec import Boxes, Columns, DataSpec, Fields, Kind, Pixels, Tokens

Tensors = Tensor | dict[str, Tensor]


def map_tensors(value: Tensors, function: Callable[[Tensor], Tensor]) -> Tensors:
    """The function of a tensor, or of each tensor of a dict."""
    return {name: function(one) for name, one in value.items()} if isinstance(value, dict) else function(value)


def first_tensor(value: Tensors) -> Tensor:
    """The tensor itself, or the first one of a dict."""
    return next(iter(value.values())) if isinstance(value, dict) else value


@dataclass(frozen=True)
class Batch:
    """Examples for one forward pass, on one device; dimension 0 of every tensor counts the examples.

    Args:
        inputs: a tensor, which a model gets as its argument, or several, which it gets as keyword arguments.
        targets: a tensor or several.
        counts: of these examples: "examples", and what else a loss is a mean over, such as "tokens" or "pixels".
        whole: the same of the whole batch of the step, over all of its parts and all processes.
        each: the counts of each example other than "examples", int64 (n,), on the host.
        continues: whether each example goes on where the one at its place in the batch before ended: windows of a
            text, whose model carries a hidden state on.
        first: the place of the first example among those that this process has of the whole batch.
    """

    inputs: Tensors
    targets: Tensors
    counts: Mapping[str, int]
    whole: Mapping[str, int]
    each: Mapping[str, Tensor] = field(default_factory=dict)
    continues: bool = False
    first: int = 0

    @classmethod
    def of(
        cls, inputs: Tensors, targets: Tensors, each: Mapping[str, Tensor] | None = None, continues: bool = False
    ) -> "Batch":
        """A whole batch."""
        each = each or {}
        counts = {"examples": len(first_tensor(inputs)), **{name: int(counted.sum()) for name, counted in each.items()}}
        return cls(inputs, targets, counts, counts, each, continues)

    def __len__(self) -> int:
        return self.counts["examples"]

    def share(self, of: str = "examples") -> float:
        """This part's share of the whole batch's count, 0 to 1."""
        return self.counts[of] / self.whole[of]

    def weighted(self, mean: Tensor, of: str = "examples") -> Tensor:
        """A mean over this part's count as its contribution to the mean over the whole batch's.

        Not for a count that may be 0 here: its mean is NaN, which no share mends. Use a sum and `whole` there.
        """
        share = self.share(of)
        return mean if share == 1 else mean * share

    def parts(self, number: int) -> list["Batch"]:
        """At most `number` parts of consecutive examples, whose sizes differ by one at most; none is empty."""
        number = min(number, len(self))
        if number <= 1:
            return [self]
        edges = [part_start(len(self), number, place) for place in range(number + 1)]
        return [self._between(low, high) for low, high in pairwise(edges)]

    def take(self, number: int) -> "Batch":
        """The first examples, at most `number`, as a batch of their own; to look at, not to train on."""
        return self._between(0, min(number, len(self)))

    def _between(self, low: int, high: int) -> "Batch":
        each = {name: counted[low:high] for name, counted in self.each.items()}
        counts = {"examples": high - low, **{name: int(counted.sum()) for name, counted in each.items()}}
        inputs, targets = (map_tensors(value, lambda one: one[low:high]) for value in (self.inputs, self.targets))
        return replace(self, inputs=inputs, targets=targets, counts=counts, each=each, first=self.first + low)

    def map(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        """The batch with the function of each of its tensors."""
        inputs, targets = (map_tensors(value, function) for value in (self.inputs, self.targets))
        return replace(self, inputs=inputs, targets=targets)

    def to(self, device: torch.device | str) -> "Batch":
        return self.map(lambda one: one.to(device, non_blocking=True))


def part_start(length: int, parts: int, place: int) -> int:
    """Where part number `place` of `parts` begins: the first length % parts are one longer, as in `tensor_split`."""
    return place * (length // parts) + min(place, length % parts)


def call(model: Callable[..., Tensors], inputs: Tensors) -> Tensors:
    """model(x) for one tensor, model(**x) for several."""
    return model(**inputs) if isinstance(inputs, dict) else model(inputs)


def blank(spec: DataSpec, examples: int, device: torch.device | str = "cpu") -> Batch:
    """A batch of zeros of the spec's kinds, every place of which counts; floats are of torch's default type."""
    inputs, targets = (_zeros(kind, examples, device) for kind in (spec.inputs, spec.targets))
    each = {}
    fields = dict(spec.targets.fields).values() if isinstance(spec.targets, Fields) else [spec.targets]
    for kind in fields:
        if isinstance(kind, Tokens):
            each["tokens"] = torch.full((examples,), kind.length)
        elif isinstance(kind, Pixels):
            each["pixels"] = torch.full((examples,), kind.height * kind.width)
    return Batch.of(inputs, targets, each)


def _zeros(kind: Kind, examples: int, device: torch.device | str) -> Tensors:
    if isinstance(kind, Fields):
        return {name: _zeros(inner, examples, device) for name, inner in kind.fields}
    if isinstance(kind, Columns):
        sizes = {"numeric": (len(kind.numeric), None), "categories": (len(kind.categories), torch.int64)}
        return {name: torch.zeros(examples, size, dtype=dtype, device=device) for name, (size, dtype) in sizes.items()}
    if isinstance(kind, Boxes):
        return {
            "boxes": torch.zeros(examples, kind.most, 4, device=device),
            "classes": torch.full((examples, kind.most), -1, device=device),
        }
    types = {"Tokens": torch.int64, "Classes": torch.int64, "Pixels": torch.uint8}
    dtype = types.get(type(kind).__name__)  # None: floats
    return torch.zeros(examples, *kind.shape, dtype=dtype, device=device)
