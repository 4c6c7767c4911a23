"""What a model has to give for a batch: by default what the data's targets ask for.

An output that is wider than the data have classes, or that broadcasts against its targets, trains without an error and
means nothing. So it is checked once, before the training.
"""

from typing import Any

from torch import Tensor

from dl_runner.data.batch import Batch
from dl_runner.spec import Classes, DataSpec, Kind, Numbers, Pixels, Tokens


def check_outputs(task: Any, spec: DataSpec, outputs: Any, batch: Batch) -> None:
    """Check a model's outputs for a batch, by the task's own `check_outputs` if it has one.

    Without one they have to be floats of the shape that goes with the targets: (batch, classes), (batch, numbers),
    (batch, length, vocabulary) or (batch, classes, height, width). For tokens a tuple, of outputs and a hidden state,
    counts as its first tensor; what goes with boxes and with several fields only their task knows.

    Raises:
        ValueError: they are not; the message says what they are and what they should be.
    """
    if hasattr(task, "check_outputs"):
        task.check_outputs(outputs, batch)
        return
    expected = expected_shape(spec.targets, batch)
    if expected is None:
        return
    first = outputs[0] if isinstance(spec.targets, Tokens) and isinstance(outputs, tuple) and outputs else outputs
    if not isinstance(first, Tensor):
        raise ValueError(f"gives a {type(first).__name__}, expected a tensor of shape {expected}")
    if tuple(first.shape) != expected:
        raise ValueError(f"gives shape {tuple(first.shape)}, expected {expected}: {_words(spec.targets)}")
    if not first.is_floating_point():
        raise ValueError(f"gives {str(first.dtype).removeprefix('torch.')}, expected floats of shape {expected}")


def expected_shape(targets: Kind, batch: Batch) -> tuple[int, ...] | None:
    """The shape of a model's outputs for a batch; None where only the task knows it."""
    if isinstance(targets, Classes | Numbers):
        return len(batch), targets.size
    if isinstance(targets, Tokens):  # padded to the longest example of the batch
        return *batch.targets.shape, targets.vocabulary
    if isinstance(targets, Pixels):
        return len(batch), targets.size, targets.height, targets.width
    return None


def _words(targets: Kind) -> str:
    if isinstance(targets, Tokens):
        return f"(examples, places, {targets.size} tokens)"
    if isinstance(targets, Pixels):
        return f"(examples, {targets.size} classes, height, width)"
    noun = "classes" if isinstance(targets, Classes) else "number" if targets.size == 1 else "numbers"
    return f"(examples, {targets.size} {noun})"
