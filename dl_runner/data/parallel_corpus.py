"""Sentences and their translations as a data set: what all such data sets have in common."""

from collections.abc import Sequence
from pathlib import Path

from dl_runner.data.buckets import Batching, PairSamplers
from dl_runner.data.dataset import Data
from dl_runner.data.fitted.text_pair import PairFit
from dl_runner.data.pairs import SentencePairs
from dl_runner.data.sampling import hold_out
from dl_runner.data.tokenizer import Tokenizer
from dl_runner.data.tokenizers import word
from dl_runner.errors import UserError

Pairs = Sequence[tuple[str, str]]  # a sentence and its translation


def parallel_corpus(
    train: Pairs,
    tokenizer: Tokenizer | None,
    target_tokenizer: Tokenizer | None = None,
    *,
    validation: Pairs = (),
    test: Pairs | float = (),
    pairs: int | None,
    length: int | None,
    batching: Batching,
    seed: int = 0,
) -> Data:
    """The pairs with a part of them held out as the test split.

    Args:
        train: what there is to learn from.
        tokenizer: None for lower-case words.
        target_tokenizer: of the translations; None: the same.
        validation: of the data set itself; none if it has none.
        test: of the data set itself, or the share of the different sentences of `train` that is held out, with all
            their translations, in [0, 1).
        pairs: only so many of `train`, from its beginning; None for all.
        length: see `dl_runner.data.fitted.text_pair.PairFit`.
        batching: in "buckets" of similar lengths, or "shuffled".
        seed: of what is held out, >= 0.

    Raises:
        UserError: nothing is left to train on.
    """
    if not train:
        raise UserError("data: there is no pair of sentences to train on; give more text")
    learnt, apart = _split(train[:pairs]), None
    if not isinstance(test, float):
        apart = _split(test)
    elif test:
        kept, held = hold_out(len(learnt), None, test, seed, "test", learnt.groups)
        learnt, apart = learnt.subset(kept), learnt.subset(held) if len(held) else None
    return Data(
        spec=None,
        train=learnt,
        validation=_split(validation),
        test=apart,
        fit=PairFit(tokenizer or word(lowercase=True), length, target_tokenizer),
        samplers=PairSamplers(batching),
    )


def _split(pairs: Pairs) -> SentencePairs | None:
    return SentencePairs(*map(list, zip(*pairs, strict=True))) if pairs else None


def tab_separated(text: str, path: Path) -> list[tuple[str, str]]:
    """The first two columns of each line that is not empty, as Tatoeba's lists have them.

    Raises:
        UserError: a line has no tab, or nothing on one side of it.
    """
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        columns = [column.strip() for column in line.split("\t")[:2]]
        if not any(columns):
            continue
        if len(columns) < 2 or not all(columns):
            raise UserError(
                f"{path}, line {number}: has no sentence and translation with a tab between them ({line[:40]!r}); "
                "mend or remove it"
            )
        found.append((columns[0], columns[1]))
    return found


def aligned(sources: str, targets: str, paths: tuple[Path, Path]) -> list[tuple[str, str]]:
    """Line by line of two texts; where both have an empty line it is left out.

    Raises:
        UserError: they have different numbers of lines, or a line is empty in one of them.
    """
    both = [text.removesuffix("\n").split("\n") for text in (sources, targets)]
    counts = [len(lines) for lines in both]
    if counts[0] != counts[1]:
        raise UserError(
            f"{paths[0]} has {counts[0]:,} lines and {paths[1]} has {counts[1]:,}; each line of one is the translation "
            "of that line of the other, so give files of as many lines"
        )
    found = []
    for number, pair in enumerate(zip(*both, strict=True), 1):
        pair = tuple(line.strip() for line in pair)
        if all(pair):
            found.append(pair)
        elif any(pair):
            empty = paths[0] if not pair[0] else paths[1]
            raise UserError(f"{empty}, line {number}: is empty and its translation is not; remove or fill both lines")
    return found
