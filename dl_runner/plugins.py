"""Users' own modules, imported so that their builders are registered. Imports no torch."""

import importlib
import importlib.metadata
import sys
from pathlib import Path

from dl_runner import registry
from dl_runner.errors import UserError


def load_plugins(names: list[str]) -> None:
    """Import the modules that add builders: installed entry points, then `names`.

    Modules are also found in the working directory, as with `python -m`.

    Raises:
        UserError: no such module.
    """
    for entry in importlib.metadata.entry_points(group=registry.ENTRY_POINTS):
        entry.load()
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    for name in names:
        _check_name(name)
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise UserError(
                f"plugins={name}: no such module; install it, or start dlrun in the folder that holds it"
            ) from None


def _check_name(name: str) -> None:
    """Check that it can be a module's name.

    Raises:
        UserError: it is a path, or something else; says which name is meant.
    """
    if name and all(part.isidentifier() for part in name.split(".")) and not name.endswith(".py"):
        return
    stem = Path(name).stem
    meant = f"plugins=[{stem}], started in the folder that holds it" if stem.isidentifier() else "plugins=[my_models]"
    raise UserError(f"plugins={name or repr(name)}: no name of a module; write {meant}")
