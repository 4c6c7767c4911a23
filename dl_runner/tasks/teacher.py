"""A trained model that another one learns from."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dl_runner.data.batch import Tensors, call
from dl_runner.errors import UserError
from dl_runner.spec import Columns, DataSpec, Image, Tokens, Vector
from dl_runner.tasks.task import full_precision

SHOWN = 3  # columns in a message


@dataclass(frozen=True)
class Teacher:
    """A model that no longer learns, in evaluation mode.

    Args:
        name: its run folder, for messages.
        model: on the device where the batches are.
        spec: of the data that it was trained on.
    """

    name: str
    model: nn.Module
    spec: DataSpec

    def __post_init__(self) -> None:
        self.model.eval().requires_grad_(False)

    def check(self, data: DataSpec) -> None:
        """Check that it can read the student's inputs, and answers with the student's classes.

        Raises:
            UserError: it cannot, or does not.
        """
        mine, theirs = self.spec.inputs, data.inputs
        alike = (type(mine), getattr(mine, "shape", None)) == (type(theirs), getattr(theirs, "shape", None))
        if not alike or (not isinstance(mine, Image | Vector) and mine != theirs):
            images = isinstance(mine, Image) and isinstance(theirs, Image)
            raise UserError(
                f"task.teacher={self.name}: reads {_shown(self.spec)}, and these data are {_shown(data)}; teacher and "
                f"student need the same data{' and data.image_size' if images else ''}"
            )
        if self.spec.targets != data.targets:
            raise UserError(
                f"task.teacher={self.name}: its answers are {len(self.spec.classes)} classes "
                f"({', '.join(self.spec.classes[:3])}, …), and these data have {len(data.classes)} "
                f"({', '.join(data.classes[:3])}, …)"
            )

    @torch.no_grad()
    def __call__(self, inputs: Tensors, data: DataSpec) -> Tensor:
        """Its answers, (batch, outputs), to inputs that are normalized as the student reads them.

        Args:
            data: the student's spec.
        """
        return full_precision(call(self.model, self._normalized(inputs, data)))

    def _normalized(self, inputs: Tensors, data: DataSpec) -> Tensors:
        mine, theirs = self.spec.inputs, data.inputs
        if not hasattr(mine, "mean") or (mine.mean, mine.std) == (theirs.mean, theirs.std):
            return inputs
        shape = (-1, *[1] * (len(mine.shape) - 1))
        scale, shift = (inputs.new_tensor(one).view(shape) for one in _moved(theirs, mine))
        return inputs * scale + shift


def _moved(old: Image | Vector, new: Image | Vector) -> tuple[list[float], list[float]]:
    """Scale and shift from inputs normalized in one way to another, per channel."""
    pairs = list(zip(old.mean, old.std, new.mean, new.std, strict=True))
    return [std / other for _, std, _, other in pairs], [(mean - to) / other for mean, _, to, other in pairs]


def _shown(data: DataSpec) -> str:
    kind = data.inputs
    if isinstance(kind, Columns):
        named = (*kind.numeric, *kind.categories)
        more = ", …" if named[SHOWN:] else ""
        return f"rows of {len(kind.numeric)} numbers and {len(kind.categories)} categories" + (
            f" ({', '.join(named[:SHOWN])}{more})" if named else ""
        )
    if isinstance(kind, Tokens):
        return f"{kind.length} of {kind.vocabulary} tokens"
    shape = "×".join(map(str, getattr(kind, "shape", ())))
    return f"{type(kind).__name__.lower()}{f' of {shape}' if shape else ''}"
