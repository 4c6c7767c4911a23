"""A home folder for users that have none, as in some containers and batch jobs. Imports no torch."""

import os
import tempfile
from pathlib import Path


def home() -> Path:
    """The user's home folder, which need not exist; without one, a folder for temporary files that is this user's."""
    try:
        found = Path.home()
    except RuntimeError:  # neither HOME nor an entry in the list of users
        return _temporary()
    there = found.is_dir() and found != Path("/")
    return found if found.is_absolute() and (there or _writable(found)) else _temporary()


def ensure_home() -> None:
    """Let every library find a home folder, and Matplotlib one for its fonts where that cannot be written.

    Otherwise each process of ours that draws would make a folder of its own and say so, and a forked one remove its
    parent's.
    """
    if os.environ.get("HOME") == "":
        del os.environ["HOME"]
    found = home()
    if not _writable(found):
        os.environ.setdefault("MPLCONFIGDIR", str(_temporary() / "matplotlib"))
    elif os.environ.get("HOME") != str(found):
        os.environ["HOME"] = str(found)


def _writable(folder: Path) -> bool:
    """Whether files can be made in it, or it can be made."""
    return os.access(next(one for one in (folder, *folder.parents) if one.exists()), os.W_OK)


def _temporary() -> Path:
    """Made if need be; never one that somebody else has put there, as settings are read from it."""
    folder = Path(tempfile.gettempdir(), f"dl_runner-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = folder.lstat()
    ours = owner.st_uid == os.getuid() and not folder.is_symlink() and not owner.st_mode & 0o022
    return folder if ours else Path(tempfile.mkdtemp(prefix="dl_runner-"))
