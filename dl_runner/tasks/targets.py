"""Which kinds of targets a loss or a task learns from. Imports no torch."""

from dl_runner.errors import UserError
from dl_runner.spec import Boxes, Classes, DataSpec, Fields, Kind, Numbers, Pixels, Tokens

NOUNS: dict[type, str] = {
    Classes: "classes",
    Numbers: "numbers",
    Tokens: "tokens",
    Pixels: "classes of pixels",
    Boxes: "boxes",
    Fields: "several fields",
}


def named(kind: type | Kind) -> str:
    """What a kind of targets is called in a message."""
    return NOUNS[kind if isinstance(kind, type) else type(kind)]


def require_targets(data: DataSpec, task: str, *kinds: type) -> None:
    """Check that a task can learn from the data's targets.

    Raises:
        UserError: it cannot; names the data's own task.
    """
    if not isinstance(data.targets, kinds):
        raise UserError(
            f"task={task}: learns from {' or '.join(named(kind) for kind in kinds)}, but the data's targets are "
            f"{named(data.targets)}; use task=auto, which is {data.task} here"
        )


def require_for_metric(data: DataSpec, metric: str, *kinds: type) -> None:
    """Check that a metric can be measured with the data's targets.

    Raises:
        UserError: it cannot.
    """
    if not isinstance(data.targets, kinds):
        raise UserError(
            f"metric={metric}: is for {' or '.join(named(kind) for kind in kinds)}, but the data's targets are "
            f"{named(data.targets)}; leave it out"
        )


def learns_from(kinds: tuple[type, ...], loss: str, data: DataSpec, instead: str) -> None:
    """Check that a loss can learn from the data's targets.

    Raises:
        UserError: it cannot; names the loss to use instead.
    """
    if not isinstance(data.targets, kinds):
        raise UserError(
            f"loss={loss}: is for {named(kinds[0])}, but the data's targets are {named(data.targets)}; "
            f"use loss={instead}"
        )
