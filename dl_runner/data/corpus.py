"""One long text as a data set: what all such data sets have in common."""

from pathlib import Path

from dl_runner.data.dataset import Data, hold_out_end
from dl_runner.data.files import read_bytes
from dl_runner.data.fitted.text import TextFit
from dl_runner.data.text import TextSplit
from dl_runner.data.tokenizer import Tokenizer
from dl_runner.data.tokenizers import char
from dl_runner.data.windows import Sampling, WindowSamplers
from dl_runner.errors import UserError


def corpus(
    text: str,
    tokenizer: Tokenizer | None,
    *,
    characters: int | None,
    test: float,
    steps: int,
    sampling: Sampling,
) -> Data:
    """The text with its end held out as the test split.

    Args:
        text: after the data set's own clean-up.
        tokenizer: None for characters.
        characters: only so many of the text, from its beginning; None for all.
        test: share of the text that the test split has, in [0, 1); 0 for none.
        steps: tokens of a window.
        sampling: how windows are taken; see `dl_runner.data.windows`.
    """
    everything = TextSplit(text if characters is None else text[:characters])
    kept, held = hold_out_end(len(everything), test)
    return Data(
        spec=None,
        train=everything.subset(kept),
        test=everything.subset(held) if len(held) else None,
        fit=TextFit(tokenizer or char(), steps),
        samplers=WindowSamplers(sampling),
    )


def read_text(path: Path) -> str:
    """The content of a UTF-8 file, without a byte order mark, its lines ended by a line feed alone.

    Raises:
        UserError: it cannot be read, or is no such text.
    """
    return decoded(read_bytes(path), str(path)).removeprefix("\ufeff").replace("\r\n", "\n")


def decoded(content: bytes, name: str) -> str:
    """UTF-8 as a text.

    Raises:
        UserError: it is none; names the byte.
    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        place, line = error.start, content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{name}: is no UTF-8 text: byte 0x{content[place]:02x} at position {place:,}, in line {line:,} "
            f"({error.reason}); save it as UTF-8"
        ) from None
