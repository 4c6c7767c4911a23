"""What a run was made with: packages and the checkout of the code. Imports no torch."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

import dl_runner


def versions() -> dict[str, str | None]:
    """Of Python and the packages that shape a result, from their metadata; null when not installed."""
    found: dict[str, str | None] = {"python": platform.python_version(), "dl_runner": dl_runner.__version__}
    for label, package in {"torch": "torch", "torchvision": "torchvision", "hydra": "hydra-core"}.items():
        try:
            found[label] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[label] = None
    return found


def checkout(folder: Path, file: Path | None = None) -> dict[str, Any] | None:
    """{"commit", "dirty": whether a tracked file differs from it} of the git checkout that a folder is part of.

    None outside one, where the folder is ignored, or without git.

    Args:
        file: in the folder; it has to be tracked, as what is installed into an environment inside somebody's checkout
            is not.
    """

    command = ["git", "--no-optional-locks", "-C", str(folder)]

    def git(*arguments: str) -> str:
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        if file is not None:
            git("ls-files", "--error-unmatch", str(file))
        elif subprocess.run([*command, "check-ignore", "-q", "."], timeout=10, check=False).returncode == 0:
            return None
        return {"commit": commit, "dirty": bool(git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None
