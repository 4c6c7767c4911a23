"""What a model asks of the data, checked when it is built."""

import math

from dl_runner.errors import UserError
from dl_runner.spec import Classes, Columns, DataSpec, Fields, Image, Numbers, Tokens, Vector


def require_images(data: DataSpec, model: str, smallest: int = 1) -> None:
    """Check that the examples are images of at least `smallest` pixels each way, each with one answer.

    Raises:
        UserError: other inputs or targets, or images too small for the model; names the smallest size.
    """
    if not data.is_image:
        raise UserError(f"model={model}: needs images, but one example of the data is {shown(data.inputs)}")
    require_one_answer(data, model)
    height, width = data.input_shape[1:]
    if min(height, width) < smallest:
        raise UserError(
            f"model={model}: needs images of at least {smallest}x{smallest} pixels, not {height}x{width}; "
            f"set data.image_size={smallest} or more"
        )


def flat_size(data: DataSpec, model: str) -> int:
    """The numbers in one example of a model that reads it as one vector; a row of a table is made one for it, see
    `dl_runner.layers.columns`.

    Raises:
        UserError: the examples are no images, vectors or rows, or have more than one answer each.
    """
    if not isinstance(data.inputs, Image | Vector | Columns):
        raise UserError(f"model={model}: needs images or vectors, but one example of the data is {shown(data.inputs)}")
    require_one_answer(data, model)
    return data.inputs.width if isinstance(data.inputs, Columns) else math.prod(data.inputs.shape)


def require_columns(data: DataSpec, model: str) -> None:
    """Check that the examples are rows of a table, each with one answer.

    Raises:
        UserError: they are not.
    """
    if not isinstance(data.inputs, Columns):
        raise UserError(f"model={model}: needs rows of a table, but one example of the data is {shown(data.inputs)}")
    require_one_answer(data, model)


def require_one_answer(data: DataSpec, model: str) -> None:
    """Check that every example has one class, or numbers, as its target.

    Raises:
        UserError: it has others.
    """
    if not isinstance(data.targets, Classes | Numbers):
        raise UserError(
            f"model={model}: gives one answer for each example, but the data's targets are {shown(data.targets)}"
        )


def require_classes(data: DataSpec, model: str, instead: str) -> None:
    """Check that every example has one class.

    Raises:
        UserError: it has not; names the model to use instead.
    """
    if not isinstance(data.targets, Classes):
        raise UserError(
            f"model={model}: needs classes, but the data's targets are {shown(data.targets)}; use model={instead}"
        )


def require_token_inputs(data: DataSpec, model: str) -> None:
    """Check that the examples are sequences of tokens, with tokens, one class, or numbers, as their targets.

    Raises:
        UserError: they are not.
    """
    if not isinstance(data.inputs, Tokens):
        raise UserError(f"model={model}: needs tokens, but the data's inputs are {shown(data.inputs)}")
    if not isinstance(data.targets, Tokens | Classes | Numbers):
        raise UserError(
            f"model={model}: answers with tokens, a class or numbers, but the data's targets are {shown(data.targets)}"
        )


def require_next_tokens(data: DataSpec, model: str) -> None:
    """Check that the examples are sequences of tokens, with a token as the target at each place.

    Raises:
        UserError: they are not.
    """
    for role, kind in (("inputs", data.inputs), ("targets", data.targets)):
        if not isinstance(kind, Tokens):
            raise UserError(f"model={model}: needs tokens, but the data's {role} are {shown(kind)}")


def require_sentence_pairs(data: DataSpec, model: str) -> tuple[Tokens, Tokens]:
    """The tokens of the sentences that are read, "source", and of those that are written, "target".

    Raises:
        UserError: the inputs are not these two, each padded with a token, or the targets are no tokens.
    """
    fields = dict(data.inputs.fields) if isinstance(data.inputs, Fields) else {}
    pairs = fields.keys() == {"source", "target"} and all(isinstance(kind, Tokens) for kind in fields.values())
    if not pairs or not isinstance(data.targets, Tokens):
        found = f"inputs are {shown(data.inputs)} and whose targets are {shown(data.targets)}"
        raise UserError(f"model={model}: translates sentences, source to target; it is not for data whose {found}")
    source, target = fields["source"], fields["target"]
    if source.pad is None or target.pad is None:
        raise UserError(f"model={model}: needs a token that fills up the shorter sentences of a batch, Tokens(pad=…)")
    return source, target


def shown(kind: object) -> str:
    """A kind of inputs or targets in a message."""
    shape = getattr(kind, "shape", ())
    return f"{type(kind).__name__.lower()}{f' of shape {shape}' if shape else ''}"
