"""Users' own modules, imported so that their builders are registered. Imports no torch.

Importing a module runs its code. So only those are imported that the user has named: on this command line, by
installing a package with an entry point, or before on this machine. What a run folder names is checked first.
"""

import importlib
import importlib.metadata
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from dl_runner import registry, trust
from dl_runner.errors import UserError
from dl_runner.runtime.modules import root_of, source_files

MOST_FILES = 5  # that a message names
_named: set[str] = set()  # by the command line that this process carries out
_imported: dict[str, tuple[ModuleType, dict[str, str]]] = {}  # with the hashes of its files at that time


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
        UserError: no such module, or its files have changed since this process imported it, which would run, and put
            on record, what is not in its files any more.
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
        _check_unchanged(name)


def _check_unchanged(name: str) -> None:
    module, now = sys.modules[name], code_of([name]).get(name, {}).get("files", {})
    known, then = _imported.setdefault(name, (module, now))
    if known is not module:
        _imported[name] = module, now
    elif then != now:
        files = ", ".join(file for file in dict.fromkeys([*then, *now]) if then.get(file) != now.get(file))
        raise UserError(
            f"plugins={name}: {files} changed since this process imported it; restart Python, in a notebook its kernel"
        )


def code_of(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The code of plugins as it is now: of the named modules and of those that installed packages offer.

    Returns:
        Module to {"files": {its place below the folder that is searched: SHA-256 in hexadecimal}, "version": that of
        the installed package that declares it, or None}. A module that is not there is left out.
    """
    versions = {entry.module: getattr(entry.dist, "version", None) for entry in _entry_points()}
    found = {}
    for name in dict.fromkeys([*names, *versions]):
        root, files = root_of(name), source_files(name)
        if root is not None and files:
            hashed = {Path(path).relative_to(root.resolve()).as_posix(): of for path, of in trust.hashes(files).items()}
            found[name] = {"files": hashed, "version": versions.get(name)}
    return found


def changed_code(before: Mapping[str, Mapping[str, str]]) -> str | None:
    """What differs in plugins' code from what it was, in words; None where nothing does. Other plugins may have come.

    Args:
        before: module → {file: SHA-256}, as `code_of` has them under "files".
    """
    now = code_of(list(before)) if before else {}
    return code_difference(before, {name: known["files"] for name, known in now.items()})


def code_difference(before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> str | None:
    """As `changed_code`, of two states: module → {file: SHA-256}."""
    for name, old in before.items():
        if (new := now.get(name)) is None:
            return f"plugin {name} is no longer there"
        if files := [file for file in dict.fromkeys([*old, *new]) if old.get(file) != new.get(file)]:
            more = f" and {len(files) - MOST_FILES} more" if files[MOST_FILES:] else ""
            return f"the code of plugin {name} has changed ({', '.join(files[:MOST_FILES])}{more})"
    return None


def _entry_points() -> tuple[importlib.metadata.EntryPoint, ...]:
    return tuple(importlib.metadata.entry_points(group=registry.ENTRY_POINTS))


def _installed() -> set[str]:
    """The modules that installed packages offer by an entry point."""
    return {entry.module for entry in importlib.metadata.entry_points(group=registry.ENTRY_POINTS)}
