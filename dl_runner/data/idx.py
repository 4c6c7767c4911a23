"""The IDX file format of MNIST: two zero bytes, a type code, the rank, the sizes (big-endian 32 bits), the values.

Source: http://yann.lecun.com/exdb/mnist/, "The IDX file format".
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from dl_runner.data.files import REMEDY, read_bytes
from dl_runner.errors import UserError

UNSIGNED_BYTE = 0x08


def read_idx(path: Path, rank: int) -> tuple[np.ndarray, bytes]:
    """An IDX file of unsigned bytes, gzipped if its name ends in .gz.

    Args:
        path: the file.
        rank: the number of dimensions it must have.

    Returns:
        values, uint8 with `rank` dimensions, read-only and not copied; and all (unpacked) bytes of the file.

    Raises:
        UserError: it is unreadable, damaged, truncated, too long or of another type or rank.
    """
    content = _unpacked(path) if path.suffix == ".gz" else read_bytes(path)
    magic = bytes([0, 0, UNSIGNED_BYTE, rank])
    start = 4 + 4 * rank
    if content[:4] != magic:
        raise UserError(
            f"{path}: not an IDX file of {rank}-dimensional bytes "
            f"(begins with 0x{content[:4].hex()}, expected 0x{magic.hex()}); {REMEDY}"
        )
    if len(content) < start:
        raise UserError(f"{path}: truncated: {len(content)} bytes, and its header alone takes {start}; {REMEDY}")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", count=rank, offset=4))
    expected = start + math.prod(shape)
    if len(content) != expected:
        damage = "truncated" if len(content) < expected else "too long"
        raise UserError(f"{path}: {damage}: found {len(content)} bytes, its header announces {expected}; {REMEDY}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape), content


def _unpacked(path: Path) -> bytes:
    try:
        return gzip.decompress(read_bytes(path))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: damaged gzip file ({error}); {REMEDY}") from error
