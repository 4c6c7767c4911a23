"""The SHA-256 of a safetensors file, kept in its own metadata: every byte of the file counts, its own digits as zeros.

A weight file travels alone, into other folders and onto other machines, and still says whether it is whole.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

KEY = "sha256"  # in the metadata
BLANK = "0" * 64
_PREFIX = f'"{KEY}":"'.encode()


def seal(path: Path) -> None:
    """Put the checksum into a file that was saved with `BLANK` under `KEY` in its metadata."""
    with path.open("r+b") as file:
        place = _place(file)
        if place is None:
            raise ValueError(f"{path}: has no room for a checksum")
        digits = _digest(file, place)
        file.seek(place)
        file.write(digits)


def intact(path: Path) -> bool | None:
    """Whether the file is as it was sealed; None for one without a seal.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        place = _place(file)
        if place is None:
            return None
        file.seek(place)
        return file.read(len(BLANK)) == _digest(file, place)


def _place(file: BinaryIO) -> int | None:
    """Where the digits begin."""
    size = min(int.from_bytes(file.read(8), "little"), os.fstat(file.fileno()).st_size)  # it may say anything
    found = file.read(size).find(_PREFIX)
    return None if found < 0 else 8 + found + len(_PREFIX)


def _digest(file: BinaryIO, place: int) -> bytes:
    file.seek(0)
    digest = hashlib.sha256(file.read(place) + BLANK.encode())
    file.seek(place + len(BLANK))
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest().encode()
