"""Files of data sets: where they live, reading them whole, and writing them whole or not at all."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dl_runner.errors import UserError
from dl_runner.runtime.files import atomic_path

REMEDY = "delete it to have it fetched again, or put the official file there"  # of a damaged official file


def md5(content: bytes) -> str:
    """The md5 digest in hexadecimal; it finds damage, and is no defence against forgery."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """`atomic_path`, with the folders above `target` made, and removed again after an exception, Ctrl-C included."""
    made = [folder for folder in target.parents if not folder.exists()]  # innermost first
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as temporary:
            yield temporary
    except BaseException:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


def copy_stream(source, target: Path) -> None:
    """Writes what a binary stream still holds to `target`, whole or not at all."""
    with staged(target) as temporary, temporary.open("wb") as file:
        shutil.copyfileobj(source, file)
