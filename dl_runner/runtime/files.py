"""Files that are either whole or absent, and JSON that stays valid with numbers that JSON lacks. Imports no torch."""

import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dl_runner.errors import UserError, WriteFailed


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` for a library to write to; becomes `path` when the block ends well.

    The temporary name keeps the suffix, for libraries that append one of their own. After an error, and after a kill
    apart from the hidden temporary file, the old `path` is as it was.
    """
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o666 & ~_umask())  # some libraries write for the owner alone
        temporary.replace(path)
        _sync(path.parent)  # the new name itself must survive a power failure, too
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporary(folder: Path) -> None:
    """Removes what `atomic_path` was writing into `folder` when a process was killed; for who alone writes there."""
    for path in folder.glob(".*"):
        if re.fullmatch(r"\..+\.[0-9a-f]{8}(\.\w+)?", path.name):
            path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)  # there is no way to read it but to set it
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, data: bytes | str) -> None:
    """Replaces `path` by `data` (text as UTF-8) in one step: a reader sees the old file or the new one."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def append(descriptor: int, data: bytes) -> None:
    """Adds `data` to the end of an open file, all of it or, where an OSError is raised, nothing."""
    before = os.fstat(descriptor).st_size
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        os.ftruncate(descriptor, before)
        raise


def overwrite(path: Path, text: str) -> bool:
    """Puts `text` in the place of what the file holds, in one write into the blocks that it has on the disk by now.

    For a full disk, on which `write_atomic` finds no room for a second file. What the text is shorter is made up with
    blanks.

    Returns:
        whether there was room.
    """
    data = text.encode()
    with path.open("r+b", buffering=0) as file:
        now = os.fstat(file.fileno())
        if len(data) > max(now.st_size, 512 * now.st_blocks):
            return False
        written = os.pwrite(file.fileno(), data.ljust(now.st_size), 0)
        os.fsync(file.fileno())
    return written >= len(data)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What goes wrong within it while `path` is written is told in one line.

    Raises:
        WriteFailed: an OSError was raised inside.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise WriteFailed(f"{path}: cannot be written ({reason[:1].lower()}{reason[1:]})") from error


def to_json(value: Any, indent: int | None = None) -> str:
    """`value` as strict JSON, which has no NaN: non-finite numbers become the texts "nan", "inf" and "-inf".

    Raises:
        TypeError: something in `value` has no JSON form.
    """
    return json.dumps(_strict(value), indent=indent, ensure_ascii=False, allow_nan=False)


def _strict(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value


def read_file(path: Path) -> bytes:
    """The content of a file.

    Raises:
        UserError: it is missing or unreadable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error


def parse_json(path: Path, content: bytes) -> Any:
    """The JSON in the content of a file.

    Raises:
        UserError: there is none.
    """
    try:
        return json.loads(content.decode())
    except ValueError as error:
        raise UserError(f"{path}: damaged, not valid JSON ({error}); restore or remove it") from error
    except RecursionError:
        raise UserError(f"{path}: damaged, nested too deep; restore or remove it") from None


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: the file is missing, unreadable or damaged.
    """
    return parse_json(path, read_file(path))
