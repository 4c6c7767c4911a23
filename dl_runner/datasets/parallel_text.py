"""Sentences and translations of one's own: two files line by line, or one file with a tab in every line."""

from pathlib import Path

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.data.buckets import Batching
from dl_runner.data.corpus import read_text
from dl_runner.data.dataset import Data
from dl_runner.data.parallel_corpus import aligned, parallel_corpus, tab_separated
from dl_runner.data.tokenizer import Tokenizer
from dl_runner.errors import UserError


def parallel_text(
    *,
    path: Path,
    translations: Path | None = None,
    tokenizer: Tokenizer | None = None,
    seed: int = 0,
    test: Fraction = 0.1,
    pairs: PositiveInt | None = None,
    length: PositiveInt | None = None,
    batching: Batching = "buckets",
) -> Data:
    """Pairs from UTF-8 files.

    Args:
        path: the sentences, one a line; with their translations behind a tab unless these have a file of their own.
        translations: of the same number of lines.
        test: share of the pairs that the test split has; 0 for none.

    Other arguments as for `dl_runner.data.parallel_corpus.parallel_corpus`.

    Raises:
        UserError: a file is missing, no UTF-8 text or empty, or its lines are no pairs.
    """
    texts = {one: _text(one) for one in (path, translations) if one is not None}
    if translations is None:
        found = tab_separated(texts[path], path)
    else:
        found = aligned(texts[path], texts[translations], (path, translations))
    return parallel_corpus(found, tokenizer, test=test, pairs=pairs, length=length, batching=batching, seed=seed)


def _text(path: Path) -> str:
    text = read_text(path)
    if not text.strip():
        raise UserError(f"{path}: is empty; give a file with a sentence in every line")
    return text
