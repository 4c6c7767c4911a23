"""Tokenizers of characters and words. Imports no torch."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dl_runner.config.types import PositiveInt
from dl_runner.data.tokenizer import Tokenizer, joined_words, lines


class _Characters(Tokenizer):
    name = "char"
    stretches = lines

    def split(self, text: str) -> list[str]:
        return list(text)

    def join(self, tokens: Iterable[str]) -> str:
        return "".join(tokens)


# A token such as <unk> of the text itself; a word with its apostrophes and hyphens; a line's end; any other character.
_WORD = re.compile(r"<\w+>|\w+(?:['’-]\w+)*|\n|[^\w\s]")
_PART = re.compile(r"\n|\S+")


@dataclass(frozen=True)
class _Words(Tokenizer):
    lowercase: bool = False
    name = "word"
    stretches = lines

    def split(self, text: str) -> list[str]:
        return _WORD.findall(text.lower() if self.lowercase else text)

    def join(self, tokens: Iterable[str]) -> str:
        return joined_words(tokens)


class _Whitespace(Tokenizer):
    name = "whitespace"
    stretches = lines

    def split(self, text: str) -> list[str]:
        return _PART.findall(text)

    def join(self, tokens: Iterable[str]) -> str:
        return " ".join(tokens).replace(" \n ", "\n").replace(" \n", "\n").replace("\n ", "\n")


def char(*, min_frequency: PositiveInt = 1) -> Tokenizer:
    """Every character is a token.

    Args:
        min_frequency: characters that the training text has fewer times are `<unk>`.
    """
    return _Characters(min_frequency)


def word(*, min_frequency: PositiveInt = 1, lowercase: bool = False) -> Tokenizer:
    """Words with their apostrophes and hyphens, ends of lines, and every other character are tokens.

    Put together again they have single spaces between them, none before a full stop and the like.

    Args:
        min_frequency: tokens that the training text has fewer times are `<unk>`.
        lowercase: before the text is cut.
    """
    return _Words(min_frequency, lowercase)


def whitespace(*, min_frequency: PositiveInt = 1) -> Tokenizer:
    """What white space parts, and ends of lines, are tokens; for texts that are tokenized already.

    Args:
        min_frequency: tokens that the training text has fewer times are `<unk>`.
    """
    return _Whitespace(min_frequency)
