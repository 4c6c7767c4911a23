"""A model's hidden state, carried from one window of a text to the next."""

from typing import Any

import torch
from torch import Tensor, nn

from dl_runner.data.batch import Batch


def with_state(model: nn.Module, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
    """A model's logits and its new state.

    A model with a state returns it beside its logits, as one tensor whose dimension 0 counts the examples, and takes it
    as its argument `state`. Any other returns its logits alone and is never given one but what `empty_state` began.
    """
    outputs = model(tokens) if state is None else model(tokens, state=state)
    return outputs if isinstance(outputs, tuple) else (outputs, None)


def empty_state(model: nn.Module, examples: int) -> Any:
    """What a model that goes on token by token is given before the first one; None for one that needs nothing.

    A model whose state only spares it work, such as a cache of keys and values, returns none in training and
    evaluation, and one of any kind beside its logits where it is given one. Its method `empty_state(examples)` makes
    the first.
    """
    begin = getattr(model, "empty_state", None)
    return None if begin is None else begin(examples)


class CarriedState:
    """The state of every example of the newest batch, whose parts come one after the other.

    Attributes:
        rows: (examples, …), without gradients; None before the first batch and for a model without a state.
    """

    def __init__(self) -> None:
        self.rows: Tensor | None = None

    def before(self, batch: Batch) -> Tensor | None:
        """The state with which the examples of a batch, or of a part of one, begin; None for a fresh one."""
        if not batch.continues or self.rows is None:
            return None
        return self.rows[batch.first : batch.first + len(batch)]

    def keep(self, batch: Batch, state: Tensor | None) -> None:
        """Take the state after them."""
        if state is None:
            return
        # Parts that are still to come need the state that they had before.
        earlier = [self.rows[: batch.first]] if batch.first else []
        later = [self.rows[batch.first + len(batch) :]] if batch.continues and self.rows is not None else []
        rows = [one for one in (*earlier, state.detach(), *later) if len(one)]
        self.rows = rows[0] if len(rows) == 1 else torch.cat(rows) if rows else state.detach()
