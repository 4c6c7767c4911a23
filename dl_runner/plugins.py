"""Users' own modules, imported so that their builders are registered. Imports no torch.

Importing a module runs its code. So only those are imported that the user has named: on this command line, by
installing a package with an entry point, or before on this machine. What a run folder names is checked first.
"""

import importlib
import importlib.metadata
import sys
from collections.abc import Sequence
from pathlib import Path

from dl_runner import registry, trust
from dl_runner.errors import UserError
from dl_runner.runtime.modules import source_files

_named: set[str] = set()  # by the command line that this process carries out


def name_plugins(names: Sequence[str]) -> None:
    """Note that the user has named modules: this process may import them for a run folder that asks for them, and so
    may later ones while their files stay as they are."""
    _named.update(names)
    for name in names:
        if files := source_files(name):
            trust.remember(files)


def check_names(names: Sequence[str]) -> None:
    """Check that each is written as the name of a module.

    Raises:
        UserError: one is not, such as a path.
    """
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")) or name.endswith(".py"):
            raise UserError(
                f"plugins={name}: not the name of a module; write it as in an import, without folder and .py, as in "
                f"plugins=[{Path(name).stem or 'my_models'}], and start dlrun in the folder that holds it"
            )


def check_plugins(names: Sequence[str], asking: Path) -> None:
    """Check that the user has named the modules that a file asks for. Imports none of them.

    Args:
        names: the modules.
        asking: the run folder whose config names them.

    Raises:
        UserError: the user has named one of them never, or not since its files changed.
    """
    for name in names:
        files = source_files(name)
        if name in _named or name in _installed() or (files and trust.known(files)):
            continue
        where = f" ({files[0]})" if files else ""
        reason = f"changed since you last named it ({trust.changed(files)})" if trust.seen(files) else "you never named"
        raise UserError(
            f"{asking}: asks for module {name}{where}, which runs code and which {reason}; if you trust that code, "
            f"add --plugins {name} (to a line that trains: 'plugins=[{name}]')"
        )


def load_plugins(names: Sequence[str]) -> None:
    """Import the modules that add builders: installed entry points, then `names`.

    Modules are also found in the working directory, as with `python -m`.

    Raises:
        UserError: no such module.
    """
    check_names(names)
    for entry in importlib.metadata.entry_points(group=registry.ENTRY_POINTS):
        entry.load()
    # Only for those who ask: a file there must not stand in for a package that is not installed.
    if names and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise UserError(
                f"plugins={name}: no such module; install it, or start dlrun in the folder that holds it"
            ) from None


def _installed() -> set[str]:
    """The modules that installed packages offer by an entry point."""
    return {entry.module for entry in importlib.metadata.entry_points(group=registry.ENTRY_POINTS)}
