"""Sentences with their translations as a split: texts before they are fitted, padded token numbers after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dl_runner.data.splits import Index, Raw, Split, tensor_digest
from dl_runner.data.text import IGNORE
from dl_runner.data.vocabulary import BOS, PAD


@dataclass(frozen=True, eq=False)
class SentencePairs(Split):
    """Sentences that no tokenizer has cut yet.

    Args:
        sources: what is read.
        targets: the translation of each.
    """

    sources: Sequence[str]
    targets: Sequence[str]

    def __post_init__(self) -> None:
        if len(self.sources) != len(self.targets):
            raise ValueError(f"{len(self.sources)} sentences and {len(self.targets)} translations")

    def __len__(self) -> int:
        return len(self.sources)

    def subset(self, indices: Tensor) -> "SentencePairs":
        places = indices.tolist()
        return SentencePairs([self.sources[at] for at in places], [self.targets[at] for at in places])

    def take(self, index: Index) -> Raw:
        """Not for texts: a model reads `TokenPairs`."""
        raise NotImplementedError("sentences have to be cut into tokens first")

    def digest(self) -> bytes:
        return "\0".join([*self.sources, *self.targets]).encode()


@dataclass(frozen=True, eq=False)
class TokenPairs(Split):
    """Token numbers of sentences and translations, those of each batch padded to its longest ones.

    Args:
        source: int64 (n, longest), tokens and <eos>, then <pad>.
        target: the same of the translations.
        lengths: int64 (n, 2) on the host: tokens of the source and the target that are no <pad>.
    """

    source: Tensor
    target: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> "TokenPairs":
        """Of lists of token numbers, each with its <eos>."""
        lengths = torch.tensor([[len(source), len(target)] for source, target in zip(sources, targets, strict=True)])
        return cls(padded(sources), padded(targets), lengths.view(-1, 2))

    def __len__(self) -> int:
        return len(self.source)

    def subset(self, indices: Tensor) -> "TokenPairs":
        return TokenPairs(self.source[indices], self.target[indices], self.lengths[indices])

    def take(self, index: Index) -> Raw:
        """Inputs {"source": int64 (examples, S), "target": int64 (examples, T)}, the target with <bos> before it and
        without its last place; targets int64 (examples, T), `IGNORE` where there is none."""
        source, target = (one[index] if isinstance(index, slice) else one.index_select(0, index) for one in self._both)
        read = F.pad(target[:, :-1], (1, 0), value=BOS)
        return {"source": source, "target": read}, target.masked_fill(target == PAD, IGNORE)

    @property
    def _both(self) -> tuple[Tensor, Tensor]:
        return self.source, self.target

    def trimmed(self, raw: Raw, index: Index) -> Raw:
        """Without the places at which all of the examples are padded."""
        longest = self.lengths[index].amax(0).tolist() if _count(index) else [1, 1]
        inputs, targets = raw
        source, target = inputs["source"][:, : longest[0]], inputs["target"][:, : longest[1]]
        inputs = {"source": source.contiguous(), "target": target.contiguous()}
        return inputs, targets[:, : longest[1]].contiguous()

    def counted(self, index: Index) -> Mapping[str, Tensor]:
        return {"tokens": self.lengths[index, 1]}

    def to(self, device: torch.device | str) -> "TokenPairs":
        return TokenPairs(self.source.to(device), self.target.to(device), self.lengths)

    def digest(self) -> bytes:
        return tensor_digest(self._both)


def padded(sentences: Sequence[Sequence[int]]) -> Tensor:
    """Token numbers as one tensor, int64 (n, longest), <pad> behind the shorter ones."""
    rows = torch.full((len(sentences), max(map(len, sentences), default=1)), PAD)
    for row, sentence in zip(rows, sentences, strict=True):
        row[: len(sentence)] = torch.tensor(sentence)
    return rows


def _count(index: Index) -> int:
    return index.stop - index.start if isinstance(index, slice) else len(index)
