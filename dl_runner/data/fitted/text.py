"""The tokens of a text: the vocabulary comes from the training split alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from dl_runner import registry
from dl_runner.data.text import TextSplit, TokenStream
from dl_runner.data.tokenizers import FittedTokenizer, Tokenizer
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
        return FittedText(self.tokenizer.fit(train.text), self.steps)


def text(state: Mapping[str, Any]) -> FittedText:
    """Inverse of `FittedText.state_dict`."""
    saved = state["tokenizer"]
    tokenizer = registry.builder("tokenizer", saved["name"])(**saved["settings"])
    return FittedText(tokenizer.with_tokens(saved["tokens"]), state["steps"])
