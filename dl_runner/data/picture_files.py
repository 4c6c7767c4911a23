"""Which files are pictures: what Pillow can open by itself, and what lies in a folder."""

import functools
import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dl_runner.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

_log = logging.getLogger("dl_runner")
# Pillow only passes these on: to Ghostscript, which would run a stranger's program, to Windows, or to nobody.
FOREIGN = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
# Of odd metadata, and of a large picture; it refuses an absurd one. Not within a block: a block is for all threads.
warnings.filterwarnings("ignore", module=r"PIL\.")
JUNK = ("__MACOSX", "Thumbs.db", "desktop.ini")  # what systems leave behind, like hidden files no part of the data


@functools.cache
def formats() -> tuple[str, ...]:
    """Pillow's names of the formats that it decodes itself, in the order in which it tries them."""
    from PIL import Image

    Image.init()
    return tuple(name for name in Image.ID if name in Image.OPEN and name not in FOREIGN)


@functools.cache
def suffixes() -> frozenset[str]:
    """Of file names in these formats, in lower case, with their dot."""
    from PIL import Image

    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in formats())


def open_picture(path: Path) -> "Image":
    """The header of a picture file, in any of `formats`; the pixels are read later.

    Raises:
        Exception: whatever Pillow raises for what it cannot open, and that is much.
    """
    from PIL import Image

    return Image.open(path, formats=formats())


@dataclass
class Found:
    """What lies below a folder.

    Args:
        pictures: files that are pictures by their suffix or, where that says nothing, by their content.
        unused: everything else, and why.
    """

    pictures: list[Path] = field(default_factory=list)
    unused: dict[Path, str] = field(default_factory=dict)


def count_of(things: Sequence, noun: str) -> str:
    """'1 file', '1,203 files'."""
    return f"{len(things):,} {noun}{'' if len(things) == 1 else 's'}"


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many there are beside them."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def left_out_notes(reasons: Mapping[str, str]) -> list[str]:
    """From files to why they are not used: a line for each reason, with the number of files and the first names."""
    return [
        f"{count_of(names, 'file')} left out, {reason}: {listed(names)}"
        for reason in dict.fromkeys(reasons.values())
        if (names := [name for name in reasons if reasons[name] == reason])
    ]


def visible(name: str) -> bool:
    """Whether a file or folder of this name belongs to the data."""
    return not name.startswith(".") and name not in JUNK


def numbered(path: Path) -> tuple[int, str]:
    """A sorting key: 2.png before 10.png."""
    return (int(path.stem) if path.stem.isdecimal() else -1), path.name


def asked_for(inputs: Sequence[str]) -> list[str]:
    """A user's inputs, each folder among them replaced by its picture files, those of subfolders too.

    Raises:
        UserError: a folder without pictures, or one that cannot be read.
    """
    files: list[str] = []
    for given in inputs:
        if not Path(given).is_dir():
            files.append(given)
            continue
        found = below(Path(given))
        if not found.pictures:
            raise UserError(f"{given}: this folder holds no pictures")
        for line in left_out_notes({str(path): reason for path, reason in found.unused.items()}):
            _log.warning("%s", line)
        files += map(str, sorted(found.pictures, key=lambda path: (path.parent, numbered(path))))
    return files


def below(folder: Path) -> Found:
    """Everything below a folder that is not hidden, linked folders included, in the order of the paths.

    Raises:
        UserError: a folder cannot be read.
    """
    found = Found()
    _walk(folder, frozenset(_identity(parent) for parent in folder.absolute().parents), found)
    found.pictures.sort()
    return found


def entries(folder: Path) -> list[os.DirEntry]:
    """What lies in a folder and is not hidden, by name.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with os.scandir(folder) as listing:
            return sorted((entry for entry in listing if visible(entry.name)), key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror}); check its permissions") from None


def _walk(folder: Path, above: frozenset[tuple[int, int]], found: Found) -> None:
    listing = entries(folder)
    above |= {_identity(folder)}
    for entry in listing:
        path = Path(entry.path)
        if entry.is_symlink() and not path.exists():
            found.unused[path] = "broken link"
        elif entry.is_dir():
            if _identity(path) in above:
                found.unused[path] = "link in a circle"
            else:
                _walk(path, above, found)
        elif entry.is_file() and is_picture(path):
            found.pictures.append(path)
        else:
            found.unused[path] = "no picture"


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def is_picture(path: Path) -> bool:
    """By the suffix; one that Pillow does not know, or none, leaves the first bytes to decide."""
    from PIL import Image

    if path.suffix.lower() in suffixes():
        return True
    marked = [name for name in formats() if Image.OPEN[name][1] is not None]  # that begin with a mark of their own
    try:
        with Image.open(path, formats=marked):
            return True
    except Exception:
        return False
