"""What a tokenizer is: how a text is cut into tokens, which a vocabulary numbers.

A builder of `tokenizers` or `subwords` returns a tokenizer that knows no token yet; `fit` learns the vocabulary of a
text. Imports no torch.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain
from typing import Any, ClassVar

from dl_runner import registry
from dl_runner.data.vocabulary import SPECIAL, vocabulary
from dl_runner.runtime.progress import advancing, tracked

STRETCH = 2**18  # characters


@dataclass(frozen=True)
class Tokenizer:
    """One that has not seen a text yet.

    Attributes:
        name: in the config group `tokenizer`.
    """

    min_frequency: int = 1
    name: ClassVar[str]

    def split(self, text: str) -> list[str]:
        raise NotImplementedError

    def join(self, tokens: Iterable[str]) -> str:
        raise NotImplementedError

    def stretches(self, text: str) -> Iterator[str]:
        """Parts of a text whose tokens, one part after the other, are those of the text."""
        yield text

    def tokens_of(self, text: str, title: str) -> Iterator[str]:
        """The text's tokens; of a long text progress is shown under the title."""
        with advancing(title, len(text), "million characters", 1e6) as advance:
            for stretch in self.stretches(text):
                yield from self.split(stretch)
                advance(len(stretch))

    def fit(self, text: str) -> "FittedTokenizer":
        return self.with_tokens(vocabulary(self.tokens_of(text, "counting tokens"), self.min_frequency))

    def fit_sentences(self, sentences: Sequence[str]) -> "FittedTokenizer":
        """The vocabulary of sentences, with the special tokens of a translator."""
        found = chain.from_iterable(map(self.split, tracked(sentences, "counting tokens")))
        return self.with_tokens(vocabulary(found, self.min_frequency, SPECIAL))

    def with_tokens(self, tokens: Sequence[str]) -> "FittedTokenizer":
        """The tokenizer with a vocabulary that it had before."""
        return FittedTokenizer(self, tuple(tokens))

    def restored(self, state: Mapping[str, Any]) -> "FittedTokenizer":
        """Inverse of `FittedTokenizer.state_dict`, for a tokenizer with the settings in it."""
        return self.with_tokens(state["tokens"])


def lines(_tokenizer: Tokenizer, text: str) -> Iterator[str]:
    """`Tokenizer.stretches` where no token goes on after the end of a line: some lines at a time."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + STRETCH) + 1 or len(text)
        yield text[start:end]
        start = end


@dataclass(frozen=True)
class FittedTokenizer:
    """A tokenizer with its vocabulary.

    Args:
        tokens: token number i is tokens[i]; the first one stands for whatever is not among them. A translator's begin
            with the `SPECIAL` ones: what looks like these in a text is unknown, and they are no part of what is
            decoded, <unk> excepted.
    """

    subwords: ClassVar[bool] = False  # whether a token may be a part of a word
    tokenizer: Tokenizer
    tokens: tuple[str, ...]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens) if number not in self._silent}

    @cached_property
    def _silent(self) -> range:
        """The numbers of tokens that are no part of a text."""
        return range(1, len(SPECIAL)) if self.tokens[: len(SPECIAL)] == SPECIAL else range(0)

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """The numbers of the text's tokens."""
        numbers = self._numbers
        return [numbers.get(token, 0) for token in self.tokenizer.tokens_of(text, "cutting the text into tokens")]

    def encode_sentences(self, sentences: Sequence[str]) -> list[list[int]]:
        """The numbers of each sentence's tokens."""
        number, split = self._numbers.get, self.tokenizer.split
        titled = tracked(sentences, "cutting sentences into tokens")
        return [[number(token, 0) for token in split(sentence)] for sentence in titled]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of some tokens; of characters exactly what `encode` was given, if it knew them all."""
        return self.tokenizer.join(self.tokens[number] for number in numbers if number not in self._silent)

    def unknown(self, text: str) -> list[str]:
        """The different tokens of a text that the vocabulary lacks, in the order in which they come."""
        return [token for token in dict.fromkeys(self.tokenizer.split(text)) if token not in self._numbers]

    def label(self, number: int) -> str:
        """A token as a person reads it in a picture."""
        return self.tokens[number]

    def state_dict(self) -> dict[str, Any]:
        """Plain JSON-ready containers."""
        return {"name": self.tokenizer.name, "settings": asdict(self.tokenizer), "tokens": list(self.tokens)}


_NO_SPACE = re.compile(r" (?=[.,;:!?)\]}’'\n])|(?<=[(\[{\n]) ")


def joined_words(words: Iterable[str]) -> str:
    """Words as a text: single spaces between them, none before a full stop and the like."""
    return _NO_SPACE.sub("", " ".join(words))


def restored(state: Mapping[str, Any]) -> FittedTokenizer:
    """Inverse of `FittedTokenizer.state_dict`, of whichever tokenizer."""
    return registry.builder("tokenizer", state["name"])(**state["settings"]).restored(state)
