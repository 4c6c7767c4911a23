"""Files that are either whole or absent, and JSON that stays valid with numbers that JSON lacks. Imports no torch."""

import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dl_runner.errors import UserError


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


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: the file is missing, unreadable or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UserError(f"{path}: damaged, not valid JSON ({error}); restore or remove it") from error
