"""English sentences and their French translations, the shortest first; as in Dive into Deep Learning.

They come from Tatoeba by way of manythings.org/anki. The book's clean-up is what `tokenizer=word` does in lower case:
every kind of space parts words, and punctuation is cut off.
"""

import re
import zipfile
import zlib
from pathlib import Path
from typing import Literal

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.data.buckets import Batching
from dl_runner.data.dataset import Data
from dl_runner.data.download import Remote, obtain
from dl_runner.data.files import REMEDY
from dl_runner.data.parallel_corpus import parallel_corpus, tab_separated
from dl_runner.data.tokenizer import Tokenizer
from dl_runner.errors import UserError

FOLDER, MEMBER = "fra_eng", "fra-eng/fra.txt"
FILE = Remote(
    "fra-eng.zip", "94646ad1522d915e7b0f9296181140edcf86a4f5", ("https://d2l-data.s3-accelerate.amazonaws.com/",)
)


def fra_eng(
    root: Path,
    *,
    tokenizer: Tokenizer | None = None,
    seed: int = 0,
    download: bool = True,
    direction: Literal["en-fr", "fr-en"] = "en-fr",
    test: Fraction = 0.1,
    pairs: PositiveInt | None = None,
    length: PositiveInt | None = None,
    batching: Batching = "buckets",
) -> Data:
    """167,130 pairs from root/fra_eng/fra-eng.zip.

    Args:
        direction: which language is read, and which one written.
        test: share of the pairs that the test split has; 0 for none.

    Other arguments as for `dl_runner.data.parallel_corpus.parallel_corpus`.

    Raises:
        UserError: the file is missing or damaged.
    """
    path = root / FOLDER / FILE.name
    obtain([] if path.is_file() else [FILE], path.parent, root, download=download)
    found = tab_separated(_read(path), path)
    if direction == "fr-en":
        found = [(french, english) for english, french in found]
    return parallel_corpus(found, tokenizer, test=test, pairs=pairs, length=length, batching=batching, seed=seed)


def _read(path: Path) -> str:
    """The list with every kind of space as a plain one."""
    try:
        with zipfile.ZipFile(path) as archive:
            text = archive.read(MEMBER).decode()
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error, UnicodeDecodeError, NotImplementedError, RuntimeError):
        raise UserError(f"{path}: damaged, or without {MEMBER}; {REMEDY}") from None
    return re.sub("[\u202f\xa0]", " ", text)
