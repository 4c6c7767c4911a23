"""Files of data sets: where they live, reading them whole, and writing them whole or not at all."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dl_runner.errors import UserError

REMEDY = "delete it to have it fetched again, or put the official file there"  # of a damaged official file


def default_root() -> Path:
    """The folder of all data sets when `data.root` is null: dl_runner in the user's cache folder. Not created."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "dl_runner"


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
    """A path beside `target` to write to; it becomes `target` when the block ends well.

    After an exception, Ctrl-C included, neither the file nor a folder made for it is left behind.
    """
    made = [folder for folder in target.parents if not folder.exists()]  # innermost first
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def copy_stream(source, target: Path) -> None:
    """Writes what a binary stream still holds to `target`, whole or not at all."""
    with staged(target) as temporary, temporary.open("wb") as file:
        shutil.copyfileobj(source, file)
