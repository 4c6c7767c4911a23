"""What translations are worth beside their probability: BLEU, and how many are exactly the reference."""

from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from torch import Tensor, nn

from dl_runner.data.batch import Batch
from dl_runner.data.fitted.text_pair import Side
from dl_runner.data.text import IGNORE
from dl_runner.data.tokenizers import word
from dl_runner.data.vocabulary import EOS, UNKNOWN
from dl_runner.tasks.bleu import Sentence, corpus_bleu, sacre_bleu, sentence_bleu
from dl_runner.tasks.decoding import search

Bleu = Literal["corpus", "book", "sacrebleu"]
NOWHERE = -1  # a word of a reference that the vocabulary lacks: whatever is written, it is not this
# What both become in a text: characters that are words of their own, and different ones.
WRITTEN, LACKING = "⁇", "⁈"


_WORDS = word()


class TranslationMeter:
    """Greedy translations of a split beside its references.

    Args:
        kind: of BLEU.
        longest: the most tokens of a translation.
        side: the language, for texts; None where it is unknown and `kind` reads none.
    """

    def __init__(self, kind: Bleu, longest: int, side: Side | None) -> None:
        self.kind, self.longest, self.side = kind, longest, side
        self.written: list[list[int]] = []
        self.wanted: list[list[int]] = []

    def update(self, model: nn.Module, batch: Batch) -> None:
        self.written += [one.tokens for one in search(model, batch.inputs["source"], longest=self.longest)]
        self.wanted += references(batch.targets)

    def merge(self, other: "TranslationMeter") -> None:
        self.written += other.written
        self.wanted += other.wanted

    def compute(self) -> dict[str, float]:
        wanted = [[number or NOWHERE for number in one] for one in self.wanted]
        pairs = list(zip(self.written, wanted, strict=True))
        return {"bleu": self._bleu(pairs), "exact": fmean(one == other for one, other in pairs)}

    def _bleu(self, pairs: list[tuple[list[int], list[int]]]) -> float:
        units: Sequence[tuple[Sentence, Sentence]] = pairs
        texts = self.kind == "sacrebleu" or (self.side is not None and self.side.tokenizer.subwords)
        if texts:
            units = [(_text(self.side, one, WRITTEN), _text(self.side, other, LACKING)) for one, other in pairs]
        if self.kind == "sacrebleu":
            return sacre_bleu(units)
        if texts:  # BLEU counts words, of which these tokens are parts
            units = [(_WORDS.split(one), _WORDS.split(other)) for one, other in units]
        if self.kind == "book":
            return fmean(sentence_bleu(one, other) for one, other in units)
        return corpus_bleu(units)


def references(targets: Tensor) -> list[list[int]]:
    """The tokens of each row of targets, without <eos>, on the host."""
    return [[token for token in row if token not in (IGNORE, EOS)] for row in targets.tolist()]


def _text(side: Side, numbers: list[int], unknown: str) -> str:
    return side.decode(max(number, 0) for number in numbers).replace(UNKNOWN, unknown)
