"""The tokens of a text: the vocabulary comes from the training split alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from dl_runner.data.text import TextSplit, TokenStream
from dl_runner.data.tokenizer import FittedTokenizer, Tokenizer, restored
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec, Tokens


@dataclass(frozen=True)
class FittedText:
    """Makes a stream of tokens of each text.

    Args:
        tokenizer: with its vocabulary.
        steps: tokens of a window.
    """

    tokenizer: FittedTokenizer
    steps: int

    @property
    def spec(self) -> DataSpec:
        tokens = Tokens(len(self.tokenizer), self.steps)
        return DataSpec(tokens, tokens, "language_model")

    def apply(self, split: TextSplit) -> TokenStream:
        return TokenStream(torch.tensor(self.tokenizer.encode(split.text), dtype=torch.int64), self.steps)

    def state_dict(self) -> dict[str, Any]:
        return {"name": "text", "tokenizer": self.tokenizer.state_dict(), "steps": self.steps}


@dataclass(frozen=True)
class TextFit:
    """Learns the vocabulary; arguments as for `FittedText`, the tokenizer without one."""

    tokenizer: Tokenizer
    steps: int

    def fit(self, train: TextSplit) -> FittedText:
        """Raises UserError: the text has nothing to learn, fewer than two different tokens."""
        if not train.text.strip():
            raise UserError("data: the training text is empty; use more text (data.characters, data.limit, data.test)")
        fitted = FittedText(self.tokenizer.fit(train.text), self.steps)
        if (known := len(fitted.tokenizer) - 1) < 2:
            frequency, found = self.tokenizer.min_frequency, fitted.tokenizer.tokens[1:]
            which = f"{found[0]!r} is the only token" if known else "there is no token"
            remedy = "another text" if frequency == 1 else "a smaller one, or more text"
            raise UserError(
                f"tokenizer.min_frequency={frequency}: {which} that the training text has so often, and a model that "
                f"predicts tokens needs two; use {remedy}"
            )
        return fitted


def text(state: Mapping[str, Any]) -> FittedText:
    """Inverse of `FittedText.state_dict`."""
    return FittedText(restored(state["tokenizer"]), state["steps"])
