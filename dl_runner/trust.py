"""Which code the user has named before on this machine: a list of files with their hashes. Imports no torch.

The list is `dl_runner/plugins.json` in the user's configuration folder (XDG_CONFIG_HOME, else ~/.config): for the file
of each module, the SHA-256 of it and of the files that came with it. Without such a folder nothing is remembered.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from dl_runner.errors import UserError
from dl_runner.runtime.files import read_json, to_json, write_atomic


def hashes(files: Sequence[Path]) -> dict[str, str]:
    """Absolute path to SHA-256, in hexadecimal, of each file."""
    return {str(file.resolve()): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def remember(files: Sequence[Path]) -> None:
    """Note the files of a module, its own first, as they are now. Does nothing where nothing can be written."""
    path, now = _list(), hashes(files)
    if path is None or _remembered(files) == now:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent):
            write_atomic(path, to_json({**_entries(path), next(iter(now)): now}, indent=1) + "\n")
    except OSError:  # the module is allowed to this command anyway; later ones will ask
        pass


def known(files: Sequence[Path]) -> bool:
    """Whether the files of a module, its own first, are those that were remembered, none changed and none new."""
    return _remembered(files) == hashes(files)


def seen(files: Sequence[Path]) -> bool:
    """Whether a module was remembered from this place, whatever has become of its files."""
    return bool(_remembered(files))


def changed(files: Sequence[Path]) -> str:
    """The name of the first file of a module that is not as it was remembered."""
    before, now = _remembered(files), hashes(files)
    different = [path for path in {**now, **before} if before.get(path) != now.get(path)]
    return Path(different[0]).name if different else ""


def _remembered(files: Sequence[Path]) -> Mapping[str, str]:
    path = _list()
    return _entries(path).get(str(files[0].resolve()), {}) if path and files else {}


def _list() -> Path | None:
    try:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    except RuntimeError:  # no home folder
        return None
    return folder / "dl_runner" / "plugins.json"


def _entries(path: Path) -> dict[str, Mapping[str, str]]:
    """What the list holds; a damaged one allows nothing."""
    try:
        found = read_json(path)
    except UserError:
        return {}
    return {name: files for name, files in found.items() if isinstance(files, dict)} if isinstance(found, dict) else {}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No two processes rewrite the list at the same time."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
