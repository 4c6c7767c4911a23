"""Files that are either whole or absent, and JSON that stays valid with numbers that JSON lacks. Imports no torch."""

import hashlib
import json
import math
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dl_runner.errors import UserError, WriteFailed

LONGEST_NAME = 240  # bytes; file systems allow 255, and a name may yet get a suffix such as _2


def file_name(text: str) -> str:
    """A text as a name in a folder: letters, digits and = . , + - _, anything else in it becomes _; no longer than
    `fitting` allows."""
    known = 0 if sys.getfilesystemencoding() == "utf-8" else re.ASCII
    return fitting(re.sub(r"[^\w=.,+-]+", "_", text, flags=known), of=text)


def readable(name: str) -> str:
    """The name of a file as text that every program takes: bytes of it that are no UTF-8 become \\xff, whatever the
    encoding of names is here."""
    try:
        content = os.fsencode(name)
    except UnicodeEncodeError:  # it is no name of here
        content = name.encode(errors="surrogateescape")
    return content.decode(errors="backslashreplace")


@contextmanager
def utf8_path(path: Path) -> Iterator[Path]:
    """The file or folder by a name that is UTF-8, for libraries that take no other; good inside the block."""
    if readable(str(path)) == str(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="dlrun-") as folder:
        link = Path(folder, "link")
        link.symlink_to(path.absolute())
        yield link


def fitting(name: str, suffix: str = "", of: str = "") -> str:
    """name + suffix, cut between two characters of the name where the whole has more than LONGEST_NAME bytes.

    Args:
        of: what the name is made of, a hash of which then keeps it apart from others that begin alike; the name itself
            if left out.
    """
    content = os.fsencode(name)
    if len(content) + len(os.fsencode(suffix)) <= LONGEST_NAME:
        return name + suffix
    mark = hashlib.sha256((of or name).encode(errors="surrogatepass")).hexdigest()[:8]
    kept = content[: LONGEST_NAME - len(os.fsencode(suffix)) - len(mark) - 1]
    return f"{kept.decode(sys.getfilesystemencoding(), 'ignore')}_{mark}{suffix}"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` for a library to write to; becomes `path` when the block ends well.

    The temporary name keeps the suffix, for libraries that append one of their own. After an error, and after a kill
    apart from the hidden temporary file, the old `path` is as it was.
    """
    temporary = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(4)}{path.suffix}")
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
    """Replaces `path` by `data` in one step: a reader sees the old file or the new one.

    Text is written as UTF-8; what Python has for the bytes of a name that is not, as those bytes.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.encode(errors="surrogateescape") if isinstance(data, str) else data)


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

    It is valid Unicode, too: what Python has for the bytes of a name that is no UTF-8 is escaped, as in \\udcff.

    Raises:
        TypeError: something in `value` has no JSON form.
    """
    text = json.dumps(_strict(value), indent=indent, ensure_ascii=False, allow_nan=False)
    return re.sub(r"[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


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
