"""Tokenizers whose tokens are parts of words, learnt from the training text: `bpe`, `wordpiece` and `bpe_scratch`.

Byte-level byte-pair encoding knows every text: encoding and decoding it again is the identity. The merges of `bpe` are
found, and applied, by the library tokenizers; those of `bpe_scratch` by `dl_runner.data.byte_pairs`, and they are the
same. Imports no torch, and the library when it is needed.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, ClassVar

from dl_runner.config.types import PositiveInt
from dl_runner.data.byte_pairs import BYTES, CHARACTERS, Pair, encode, learn, names, pieces, read, written
from dl_runner.data.tokenizer import FittedTokenizer, Tokenizer, joined_words
from dl_runner.data.vocabulary import SPECIAL, UNKNOWN
from dl_runner.errors import UserError
from dl_runner.runtime.progress import tracked

SPACE = "␣"  # in the name of a token that a person reads
_CONTINUES = "##"  # of a part of a word that is not its first one
_PARTS = re.compile(r"\w+|\n|[^\w\s]")


@dataclass(frozen=True)
class _BytePairs(Tokenizer):
    size: int = 1000
    name = "bpe"

    def split(self, text: str) -> list[str]:
        return list(pieces(text))

    def fit(self, text: str) -> "FittedBytePairs":
        return self._fitted([text], (UNKNOWN,))

    def fit_sentences(self, sentences: Sequence[str]) -> "FittedBytePairs":
        return self._fitted(sentences, SPECIAL)

    def _fitted(self, texts: Sequence[str], special: Sequence[str]) -> "FittedBytePairs":
        least = len(special) + BYTES
        if self.size < least:
            raise UserError(
                f"tokenizer.size={self.size}: {least} tokens are there before the first merge, {BYTES} bytes and "
                f"{', '.join(special)}; use {least} or more"
            )
        counts = Counter(map(written, chain.from_iterable(map(pieces, tracked(texts, "counting words")))))
        merges = self._learn(counts, len(special), self.size - least)
        return FittedBytePairs(self, names(merges, special), tuple(merges))

    def _learn(self, counts: Mapping[str, int], first: int, merges: int) -> list[Pair]:
        special = [f"<{place}>" for place in range(first)]
        library = _library()
        learner = library.Tokenizer(library.models.BPE())
        trainer = library.trainers.BpeTrainer(
            vocab_size=first + BYTES + merges,
            min_frequency=self.min_frequency,
            special_tokens=special,
            initial_alphabet=list(CHARACTERS.values()),
            show_progress=False,
        )
        with _one_thread():
            learner.train_from_iterator(chain.from_iterable([one] * count for one, count in counts.items()), trainer)
        found = _state(learner)
        return [(found["vocab"][left], found["vocab"][right]) for left, right in found["merges"]]

    def restored(self, state: Mapping[str, Any]) -> "FittedBytePairs":
        return FittedBytePairs(self, tuple(state["tokens"]), tuple((left, right) for left, right in state["merges"]))

    def encoder(self, fitted: "FittedBytePairs") -> Any:
        """A function from pieces, as `written`, to the tokens of each."""
        library = _library()
        vocabulary = {name: place for place, name in enumerate(fitted.tokens) if place >= fitted.first}
        merges = [(fitted.tokens[left], fitted.tokens[right]) for left, right in fitted.merges]
        model = library.Tokenizer(library.models.BPE(vocab=vocabulary, merges=merges))

        def apply(found: Sequence[str]) -> list[list[int]]:
            with _one_thread():
                return [one.ids for one in model.encode_batch(list(found), add_special_tokens=False)]

        return apply


class _ScratchBytePairs(_BytePairs):
    name = "bpe_scratch"

    def _learn(self, counts: Mapping[str, int], first: int, merges: int) -> list[Pair]:
        return learn(counts, first, merges, self.min_frequency)

    def encoder(self, fitted: "FittedBytePairs") -> Any:
        ranks = {pair: place for place, pair in enumerate(fitted.merges)}
        return lambda found: [encode(one, ranks, fitted.first) for one in found]


@dataclass(frozen=True)
class _FittedSubwords(FittedTokenizer):
    """Parts of words: what is cut is remembered, since a text has few different words."""

    subwords: ClassVar[bool] = True

    @cached_property
    def _known(self) -> dict[str, list[int]]:
        return {}

    def _numbers_of(self, found: Iterable[str]) -> list[list[int]]:
        """The tokens of each piece."""
        found, known = list(found), self._known
        if new := [one for one in dict.fromkeys(found) if one not in known]:
            known.update(zip(new, self._encoded(new), strict=True))
        return [known[one] for one in found]

    def _encoded(self, found: Sequence[str]) -> list[list[int]]:
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        return list(chain.from_iterable(self._numbers_of(self.tokenizer.split(text))))

    def encode_sentences(self, sentences: Sequence[str]) -> list[list[int]]:
        split = [self.tokenizer.split(one) for one in tracked(sentences, "cutting sentences into tokens")]
        self._numbers_of(chain.from_iterable(split))
        return [list(chain.from_iterable(self._numbers_of(one))) for one in split]


@dataclass(frozen=True)
class FittedBytePairs(_FittedSubwords):
    """Byte-pair encoding with its merges.

    Args:
        merges: pairs of token numbers, in the order in which they were learnt.
    """

    merges: tuple[Pair, ...]

    @property
    def first(self) -> int:
        """The number of the first token of one byte."""
        return len(self.tokens) - BYTES - len(self.merges)

    @cached_property
    def _encoder(self) -> Any:
        return self.tokenizer.encoder(self)

    def _encoded(self, found: Sequence[str]) -> list[list[int]]:
        return self._encoder([written(one) for one in found])

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of some tokens; bytes that are no UTF-8, such as half a character, are replaced by �."""
        found = bytearray()
        for number in numbers:
            if number >= self.first:
                found += read(self.tokens[number])
            elif number == 0:
                found += UNKNOWN.encode()
        return found.decode(errors="replace")

    def unknown(self, text: str) -> list[str]:
        return []

    def label(self, number: int) -> str:
        name = self.tokens[number]
        return name if number < self.first else read(name).decode(errors="replace").replace(" ", SPACE)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "merges": [list(pair) for pair in self.merges]}


@dataclass(frozen=True)
class _WordPieces(Tokenizer):
    size: int = 1000
    lowercase: bool = False
    name = "wordpiece"

    def split(self, text: str) -> list[str]:
        return _PARTS.findall(text.lower() if self.lowercase else text)

    def join(self, tokens: Iterable[str]) -> str:
        words: list[str] = []
        for token in tokens:
            if token.startswith(_CONTINUES) and len(token) > len(_CONTINUES) and words:
                words[-1] += token.removeprefix(_CONTINUES)
            else:
                words.append(token)
        return joined_words(words)

    def fit(self, text: str) -> "FittedWordPieces":
        return self._fitted([text], (UNKNOWN,))

    def fit_sentences(self, sentences: Sequence[str]) -> "FittedWordPieces":
        return self._fitted(sentences, SPECIAL)

    def with_tokens(self, tokens: Sequence[str]) -> "FittedWordPieces":
        return FittedWordPieces(self, tuple(tokens))

    def _fitted(self, texts: Sequence[str], special: Sequence[str]) -> "FittedWordPieces":
        library = _library()
        counts = Counter(chain.from_iterable(map(self.split, tracked(texts, "counting words"))))
        # The library would number these in an order of chance, and choose between equally frequent pairs by it.
        later = sorted({f"{_CONTINUES}{character}" for word in counts for character in word[1:]})
        learner = library.Tokenizer(library.models.WordPiece(unk_token=UNKNOWN))
        trainer = library.trainers.WordPieceTrainer(
            vocab_size=self.size,
            min_frequency=self.min_frequency,
            special_tokens=[*special, *later],
            continuing_subword_prefix=_CONTINUES,
            show_progress=False,
        )
        with _one_thread():
            learner.train_from_iterator(chain.from_iterable([one] * count for one, count in counts.items()), trainer)
        learnt = sorted(_state(learner)["vocab"].items(), key=lambda item: item[1])
        return self.with_tokens([token for token, _ in learnt])


@dataclass(frozen=True)
class FittedWordPieces(_FittedSubwords):
    """WordPiece with its vocabulary."""

    @cached_property
    def _model(self) -> Any:
        library = _library()
        vocabulary = {token: place for place, token in enumerate(self.tokens)}
        options = {"unk_token": UNKNOWN, "continuing_subword_prefix": _CONTINUES, "max_input_chars_per_word": 100}
        return library.Tokenizer(library.models.WordPiece(vocabulary, **options))

    def _encoded(self, found: Sequence[str]) -> list[list[int]]:
        with _one_thread():
            return [one.ids for one in self._model.encode_batch(list(found), add_special_tokens=False)]

    def unknown(self, text: str) -> list[str]:
        found = list(dict.fromkeys(self.tokenizer.split(text)))
        return [one for one, numbers in zip(found, self._numbers_of(found), strict=True) if 0 in numbers]


def _library() -> Any:
    """The package tokenizers.

    Raises:
        UserError: it is not installed.
    """
    try:
        import tokenizers
    except ModuleNotFoundError as error:
        if error.name != "tokenizers":
            raise
        raise UserError(
            "tokenizer: bpe and wordpiece need the package tokenizers; pip install 'dl_runner[subwords]', or use "
            "tokenizer=bpe_scratch"
        ) from None
    return tokenizers


@contextmanager
def _one_thread() -> Iterator[None]:
    """The library starts no threads, which would make it warn when a process is forked later."""
    key, before = "TOKENIZERS_PARALLELISM", os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ[key] = "false"
    try:
        yield
    finally:
        os.environ.pop(key) if before is None else os.environ.update({key: before})


def _state(learner: Any) -> dict[str, Any]:
    import json

    return json.loads(learner.to_str())["model"]


def bpe(*, size: PositiveInt = 1000, min_frequency: PositiveInt = 2) -> Tokenizer:
    """Byte-level byte-pair encoding, as GPT-2's (Radford et al., 2019), by the library tokenizers.

    Args:
        size: of the vocabulary, the special tokens and 256 bytes included.
        min_frequency: pairs that the training text has fewer times are not merged.
    """
    return _BytePairs(min_frequency, size)


def bpe_scratch(*, size: PositiveInt = 1000, min_frequency: PositiveInt = 2) -> Tokenizer:
    """`bpe` written out in Python, with the same merges and the same tokens.

    Args:
        size, min_frequency: as for `bpe`.
    """
    return _ScratchBytePairs(min_frequency, size)


def wordpiece(*, size: PositiveInt = 1000, min_frequency: PositiveInt = 2, lowercase: bool = False) -> Tokenizer:
    """WordPiece, as BERT's (Devlin et al., 2019; Schuster and Nakajima, 2012).

    A word is cut, from the left, into the longest tokens that the vocabulary has; those that go on with a word begin
    with ##. A word with a character that the training text lacks is `<unk>`.

    Args:
        size: of the vocabulary; more if the text has so many different characters.
        min_frequency: pairs that the training text has fewer times are not merged.
        lowercase: before the text is cut.
    """
    return _WordPieces(min_frequency, size, lowercase)
