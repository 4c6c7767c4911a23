"""Multi30k (Elliott et al., 2016): captions of photographs in English, German and French; task 1 of the WMT's."""

import gzip
import zlib
from pathlib import Path
from typing import Literal

from dl_runner.config.types import PositiveInt
from dl_runner.data.buckets import Batching
from dl_runner.data.dataset import Data
from dl_runner.data.download import Remote, obtain
from dl_runner.data.files import REMEDY, read_bytes
from dl_runner.data.parallel_corpus import aligned, parallel_corpus
from dl_runner.data.tokenizer import Tokenizer
from dl_runner.errors import UserError

FOLDER = "multi30k"
MIRRORS = ("https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/",)
DIGESTS = {
    "train.de": "81ff90b99829c0cd4b1b587d394afd39",
    "train.en": "0065d13af80720a55ca8153d126e6627",
    "train.fr": "6cb767741dcad3931f966fefbc05203f",
    "val.de": "6e0e229eb049e3fc99a1ef02fb2d5f91",
    "val.en": "2b69aa9253948ac9f67e94917272dd40",
    "val.fr": "93fc564584b7e5ba410c761ea5a1c682",
    "test_2016_flickr.de": "efd67d314d98489b716b145475101932",
    "test_2016_flickr.en": "ff2c0fcb4893a13bd73414306bc250ae",
    "test_2016_flickr.fr": "08dc7cd4a662f31718412de95ca9bfe3",
    "test_2017_flickr.de": "6a8d5c87f6ae19e3d35681aa6fd16571",
    "test_2017_flickr.en": "005396bac545d880abe6f00bbb7dbbb4",
    "test_2017_flickr.fr": "cb09af7d2b501f9112f2d6a59fa1360d",
}
Language = Literal["de", "en", "fr"]


def multi30k(
    root: Path,
    *,
    tokenizer: Tokenizer | None = None,
    download: bool = True,
    source: Language = "de",
    target: Language = "en",
    year: Literal[2016, 2017] = 2016,
    pairs: PositiveInt | None = None,
    length: PositiveInt | None = None,
    batching: Batching = "buckets",
) -> Data:
    """29,000 captions to train on, 1,014 for validation and 1,000 to test, from the gzip files in root/multi30k.

    Args:
        source, target: the languages.
        year: of the test split.

    Other arguments as for `dl_runner.data.parallel_corpus.parallel_corpus`.

    Raises:
        UserError: a file is missing or damaged, or both languages are the same.
    """
    if source == target:
        raise UserError(f"data.target={target}: is the language of data.source, too; choose another")
    splits = {"train": "train", "validation": "val", "test": f"test_{year}_flickr"}
    remotes = [
        Remote(f"{split}.{language}.gz", DIGESTS[f"{split}.{language}"], MIRRORS)
        for split in splits.values()
        for language in (source, target)
    ]
    folder = root / FOLDER
    obtain([one for one in remotes if not (folder / one.name).is_file()], folder, root, download=download)
    found = {name: _pairs(folder, split, source, target) for name, split in splits.items()}
    return parallel_corpus(found.pop("train"), tokenizer, **found, pairs=pairs, length=length, batching=batching)


def _pairs(folder: Path, split: str, source: str, target: str) -> list[tuple[str, str]]:
    paths = tuple(folder / f"{split}.{language}.gz" for language in (source, target))
    return aligned(*map(_unpacked, paths), paths)


def _unpacked(path: Path) -> str:
    try:
        if text := gzip.decompress(read_bytes(path)).decode():
            return text
        raise EOFError
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError):
        raise UserError(f"{path}: damaged; {REMEDY}") from None
