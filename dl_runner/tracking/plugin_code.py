"""The code of a run's plugins: a copy in the run folder, and what run.json says of it. Imports no torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dl_runner.plugins import code_of
from dl_runner.runtime.files import write_atomic, writing
from dl_runner.runtime.modules import root_of
from dl_runner.tracking.provenance import checkout

CODE = "plugins"  # folder of the copy, in the run folder


def keep_code(folder: Path, names: Sequence[str]) -> dict[str, Any] | None:
    """Copy the code of plugins into a run folder, each file where it lies below the folder that imports find it in.

    Args:
        folder: of the run.
        names: modules that its config names; those that installed packages offer come to them.

    Returns:
        What run.json says of them: `code_of` with "git", {commit, dirty} of the checkout that tracks the module; None
        without a plugin.
    """
    found = code_of(names)
    for name, known in found.items():
        root = root_of(name)
        assert root is not None  # it has files
        for file in known["files"]:
            copy = folder / CODE / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            with writing(copy):
                write_atomic(copy, (root / file).read_bytes())
        first = root / next(iter(known["files"]))
        known["git"] = checkout(first.parent, first)
    return found or None
