"""Sentences with their translations as a split: texts before they are fitted, padded token numbers after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np
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
        targets: the translation of each. Several of the same sentence are a group.
    """

    sources: Sequence[str]
    targets: Sequence[str]

    def __post_init__(self) -> None:
        if len(self.sources) != len(self.targets):
            raise ValueError(f"{len(self.sources)} sentences and {len(self.targets)} translations")

    def __len__(self) -> int:
        return len(self.sources)

    @cached_property
    def groups(self) -> Tensor:
        numbers: dict[str, int] = {}
        return torch.tensor([numbers.setdefault(one, len(numbers)) for one in self.sources], dtype=torch.int64)

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
        lengths: int64 (n, 2), on the host: tokens of the source and of the target that are no <pad>, >= 1.
        note: as for `Split`.
    """

    source: Tensor
    target: Tensor
    lengths: Tensor
    note: str = ""

    @classmethod
    def of(cls, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], note: str = "") -> "TokenPairs":
        """Of lists of token numbers, each with its <eos>."""
        lengths = [(len(source), len(target)) for source, target in zip(sources, targets, strict=True)]
        return cls(padded(sources), padded(targets), torch.tensor(lengths, dtype=torch.int64).view(-1, 2), note)

    def __len__(self) -> int:
        return len(self.source)

    def subset(self, indices: Tensor) -> "TokenPairs":
        return replace(
            self, source=self.source[indices], target=self.target[indices], lengths=self.lengths[indices], note=""
        )

    def narrowed(self, index: Index) -> "TokenPairs":
        """As long as the longest source and the longest target at `index`."""
        lengths = self.lengths[index]
        longest = lengths.amax(0).tolist() if len(lengths) else (1, 1)
        return replace(self, source=self.source[:, : longest[0]], target=self.target[:, : longest[1]])

    def take(self, index: Index) -> Raw:
        """What a translator reads and what it is to answer, int64 (examples, places); copies.

        Returns:
            {"source": tokens … <eos> <pad> …, "target": <bos> tokens … <pad> …}, and tokens … <eos> `IGNORE` …, which
            are the target one place later.
        """
        if isinstance(index, slice):
            source, target = self.source[index].clone(memory_format=torch.contiguous_format), self.target[index]
        else:
            source, target = self.source.index_select(0, index), self.target.index_select(0, index)
        padding = target == PAD
        read = F.pad(target[:, :-1], (1, 0), value=BOS).masked_fill_(padding, PAD)
        return {"source": source, "target": read}, target.masked_fill(padding, IGNORE)

    def counted(self, index: Index) -> Mapping[str, Tensor]:
        return {"tokens": self.lengths[index, 1]}

    def to(self, device: torch.device | str) -> "TokenPairs":
        return replace(self, source=self.source.to(device), target=self.target.to(device))

    def digest(self) -> bytes:
        return tensor_digest([self.source, self.target])


def padded(sentences: Sequence[Sequence[int]]) -> Tensor:
    """Token numbers as one tensor, int64 (n, longest), <pad> behind the shorter ones."""
    lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
    rows = np.full((len(lengths), lengths.max(initial=1)), PAD)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = np.fromiter(chain.from_iterable(sentences), np.int64)
    return torch.from_numpy(rows)
