"""What a data set tells the rest of the program about itself. Imports no torch."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

TaskName = Literal["classification", "regression"]


@dataclass(frozen=True)
class DataSpec:
    """The shape and meaning of one example; every size in a model that depends on the data comes from here.

    Args:
        task: which task learns from the data; names a module of `dl_runner.tasks`.
        input_shape: one example, (channels, height, width) for images or (features,) for vectors.
        outputs: numbers a model returns per example: the classes, or the regression targets.
        classes: class names in label order; empty for regression.
        mean: per channel (images, in units of 0..1) or one number (vectors), subtracted from the inputs.
        std: likewise, > 0; the inputs are divided by it.
    """

    task: TaskName
    input_shape: tuple[int, ...]
    outputs: int
    classes: tuple[str, ...] = ()
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @property
    def is_image(self) -> bool:
        return len(self.input_shape) == 3

    @property
    def channels(self) -> int:
        return self.input_shape[0]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-ready containers, for run.json and weight files."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "DataSpec":
        """Inverse of `to_dict`; lists become tuples."""
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()})
