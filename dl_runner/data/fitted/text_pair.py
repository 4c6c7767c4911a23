"""The tokens of sentences and their translations: a vocabulary of each side, from the training split alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dl_runner.data.pairs import SentencePairs, TokenPairs
from dl_runner.data.tokenizer import FittedTokenizer, Tokenizer, restored
from dl_runner.data.vocabulary import EOS, PAD, SPECIAL
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec, Fields, Tokens

ROOM = 1.5  # how much longer than the longest sentence of the training others may be


@dataclass(frozen=True)
class Side:
    """One language.

    Args:
        tokenizer: with its vocabulary, `SPECIAL` first.
        longest: tokens of a sentence, <eos> included.
    """

    tokenizer: FittedTokenizer
    longest: int

    @property
    def spec(self) -> Tokens:
        return Tokens(len(self.tokenizer), self.longest, PAD)

    @property
    def tokens(self) -> tuple[str, ...]:
        return self.tokenizer.tokens

    def __len__(self) -> int:
        return len(self.tokenizer)

    def encode(self, text: str) -> list[int]:
        """The numbers of a sentence's tokens, without special ones."""
        return self.tokenizer.encode_sentences([text])[0]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of some tokens, the special ones but <unk> left out."""
        return self.tokenizer.decode(numbers)

    def words(self, numbers: Iterable[int]) -> list[str]:
        """Each token, special ones too, by its name."""
        return [self.tokenizer.label(number) for number in numbers]

    def unknown(self, text: str) -> list[str]:
        """The different tokens of a text that the vocabulary lacks."""
        return self.tokenizer.unknown(text)

    def state_dict(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer.state_dict(), "longest": self.longest}


@dataclass(frozen=True)
class FittedPair:
    """Makes token numbers of sentences and their translations.

    Args:
        source, target: the languages.
        cut: whether longer sentences are cut, which then have no <eos>, rather than refused.
    """

    source: Side
    target: Side
    cut: bool

    @property
    def spec(self) -> DataSpec:
        source, target = self.source.spec, self.target.spec
        return DataSpec(Fields.of(source=source, target=target), target, "translation")

    def encode_source(self, text: str) -> list[int]:
        """The tokens of a sentence to translate, and <eos>.

        Raises:
            ValueError: it is longer than any that the model may read.
        """
        return self._ended(self.source, [text])[0]

    def apply(self, split: SentencePairs) -> TokenPairs:
        """Raises UserError: a sentence is too long."""
        try:
            sources, targets = self._ended(self.source, split.sources), self._ended(self.target, split.targets)
        except ValueError as error:
            raise UserError(f"data: {error}; set data.length to it, or to less to have sentences cut") from None
        cut = sum(source[-1] != EOS or target[-1] != EOS for source, target in zip(sources, targets, strict=True))
        note = f"{cut:,} of {len(split):,} pairs are cut to data.length={self.source.longest} tokens" if cut else ""
        return TokenPairs.of(sources, targets, note)

    def _ended(self, side: Side, sentences: Sequence[str]) -> list[list[int]]:
        found = [[*numbers, EOS] for numbers in side.tokenizer.encode_sentences(sentences)]
        if not self.cut and (longest := max(map(len, found), default=0)) > side.longest:
            raise ValueError(
                f"a sentence has {longest:,} tokens, its end included, and the longest that fits has {side.longest:,}"
            )
        return [numbers[: side.longest] for numbers in found]

    def state_dict(self) -> dict[str, Any]:
        sides = {"source": self.source.state_dict(), "target": self.target.state_dict()}
        return {"name": "text_pair", **sides, "cut": self.cut}


@dataclass(frozen=True)
class PairFit:
    """Learns the vocabularies.

    Args:
        source: the tokenizer of what is read, without a vocabulary.
        length: tokens of a sentence, <eos> included, >= 1; longer ones are cut. None: none is cut, and models have
            room for half as many more than the longest sentence of the training has.
        target: the tokenizer of the translations; None: the same.
    """

    source: Tokenizer
    length: int | None
    target: Tokenizer | None = None

    def fit(self, train: SentencePairs) -> FittedPair:
        """Raises UserError: a side has no token that is frequent enough."""
        source = self._side(self.source, train.sources, "source")
        return FittedPair(
            source, self._side(self.target or self.source, train.targets, "target"), cut=self.length is not None
        )

    def _side(self, unfitted: Tokenizer, sentences: Sequence[str], name: str) -> Side:
        tokenizer = unfitted.fit_sentences(sentences)
        if len(tokenizer) == len(SPECIAL):
            raise UserError(
                f"tokenizer.min_frequency={unfitted.min_frequency}: no token of the {len(sentences):,} {name} "
                f"sentences is so frequent; use {'more text' if unfitted.min_frequency == 1 else 'a smaller one'}"
            )
        if self.length is not None:
            return Side(tokenizer, self.length)
        return Side(tokenizer, int(ROOM * max(len(one) + 1 for one in tokenizer.encode_sentences(sentences))))


def text_pair(state: Mapping[str, Any]) -> FittedPair:
    """Inverse of `FittedPair.state_dict`."""
    return FittedPair(_side(state["source"]), _side(state["target"]), state["cut"])


def _side(state: Mapping[str, Any]) -> Side:
    return Side(restored(state["tokenizer"]), state["longest"])
