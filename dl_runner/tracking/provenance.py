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


def checkout(package: Path = Path(dl_runner.__file__).parent) -> dict[str, Any] | None:
    """{"commit", "dirty"} of the git checkout that tracks `package`; None outside one or without git."""

    def git(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(package), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        # Installed into an environment inside somebody's checkout, the package is not part of that checkout.
        git("ls-files", "--error-unmatch", "__init__.py")
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
