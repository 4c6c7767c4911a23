"""Writers of the official file formats, for small data sets made by the tests."""

import gzip
import pickle
import struct
import zipfile
from pathlib import Path
from typing import ClassVar

import numpy as np


def write_idx(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(idx_bytes(values))


def idx_bytes(values: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


class Python2Pickler(pickle._Pickler):
    """Writes bytes and texts as Python 2 did, as in the official CIFAR-10 files."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_string(self, text):
        content = text.encode("latin1") if isinstance(text, str) else text
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)
        self.memoize(text)

    dispatch[bytes] = dispatch[str] = save_string


def write_python2_pickle(path: Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        Python2Pickler(file, protocol=2).dump(content)
    path.write_bytes(path.read_bytes().replace(b"numpy._core.", b"numpy.core."))


def write_fra_eng(root: Path, lines: str) -> None:
    """The archive of English–French pairs, of lines with tabs."""
    (root / "fra_eng").mkdir()
    with zipfile.ZipFile(root / "fra_eng" / "fra-eng.zip", "w") as archive:
        archive.writestr("fra-eng/fra.txt", lines)


def write_ptb(root: Path, text: str) -> None:
    """The archive of the Penn Treebank's words, the same text in each of its parts."""
    (root / "ptb").mkdir()
    with zipfile.ZipFile(root / "ptb" / "ptb.zip", "w") as archive:
        for part in ("train", "valid", "test"):
            archive.writestr(f"ptb/ptb.{part}.txt", text)


def write_multi30k(root: Path, pairs: int) -> None:
    """All official files, each with so many lines such as "de val 3"."""
    (root / "multi30k").mkdir()
    for split in ("train", "val", "test_2016_flickr", "test_2017_flickr"):
        for language in ("de", "en", "fr"):
            lines = "".join(f"{language} {split} {number}\n" for number in range(pairs))
            (root / "multi30k" / f"{split}.{language}.gz").write_bytes(gzip.compress(lines.encode()))


def tree(folder: Path) -> dict[str, int]:
    """Every path below `folder` with its time of change: equal before and after means that nothing was touched."""
    return {str(path): path.lstat().st_mtime_ns for path in (folder, *folder.rglob("*"))}
