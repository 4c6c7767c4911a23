"""The Penn Treebank's words as Mikolov et al. (2010) prepared them: 10,000 different ones, rarer ones are <unk>."""

import zipfile
import zlib
from pathlib import Path

from dl_runner.config.types import PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.download import Remote, obtain
from dl_runner.data.files import REMEDY
from dl_runner.data.fitted.text import TextFit
from dl_runner.data.text import TextSplit
from dl_runner.data.tokenizer import Tokenizer
from dl_runner.data.tokenizers import whitespace
from dl_runner.data.windows import Sampling, WindowSamplers
from dl_runner.errors import UserError

FOLDER = "ptb"
FILE = Remote("ptb.zip", "752291f1d1ee72da935dbc4aeca97bfe", ("https://d2l-data.s3-accelerate.amazonaws.com/",))


def ptb(
    root: Path,
    *,
    tokenizer: Tokenizer | None = None,
    download: bool = True,
    characters: PositiveInt | None = None,
    steps: PositiveInt = 35,
    sampling: Sampling = "sequential",
) -> Data:
    """929,589 tokens to train on, 73,760 for validation and 82,430 to test, ends of lines among them, from
    root/ptb/ptb.zip.

    Args:
        tokenizer: None for what white space parts.
        characters: only so many of the training text, from its beginning; None for all.
        steps: tokens of a window.
        sampling: how windows are taken; see `dl_runner.data.windows`.

    Raises:
        UserError: the file is missing or damaged.
    """
    path = root / FOLDER / FILE.name
    obtain([] if path.is_file() else [FILE], path.parent, root, download=download)
    try:
        with zipfile.ZipFile(path) as archive:
            train, validation, test = (
                archive.read(f"ptb/ptb.{name}.txt").decode() for name in ("train", "valid", "test")
            )
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error, UnicodeDecodeError, NotImplementedError, RuntimeError):
        raise UserError(f"{path}: damaged, or without its three texts; {REMEDY}") from None
    return Data(
        spec=None,
        train=TextSplit(train[:characters]),
        validation=TextSplit(validation),
        test=TextSplit(test),
        fit=TextFit(tokenizer or whitespace(), steps),
        samplers=WindowSamplers(sampling),
    )
