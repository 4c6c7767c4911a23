"""Where a module's code lies, found without running any of it. Imports no torch."""

import ast
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path


def find_module(name: str) -> ModuleSpec | None:
    """What an import of `name` would load, from the installed packages or the working directory; None if nothing.

    `importlib.util.find_spec` imports the packages around a module, which this does not.
    """
    path, spec, parents = [*sys.path, str(Path.cwd())], None, []
    for part in name.split("."):
        if not part.isidentifier():
            return None
        parents.append(part)
        full = ".".join(parents)
        spec = next((found for finder in sys.meta_path if (found := finder.find_spec(full, path))), None)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ())
    return spec


def source_files(name: str) -> tuple[Path, ...]:
    """The files whose code an import of `name` may run: the module's first, then, in alphabetical order, its package's
    and those beside it that these import, directly or not. Empty for a module that is not there or not in Python.

    Other installed packages are left out, and so is what is imported by a name that is computed.
    """
    spec = find_module(name)
    top = find_module(name.partition(".")[0])
    if spec is None or top is None:
        return ()
    beside = _root(top)
    found = set(_files(top))
    waiting = list(found)
    while waiting:
        for imported in _imports(waiting.pop()):
            for path in _beside(beside, imported):
                if path not in found:
                    found.add(path)
                    waiting.append(path)
    first = [Path(spec.origin)] if spec.origin and Path(spec.origin) in found else []
    return (*first, *sorted(found - set(first)))


def root_of(name: str) -> Path | None:
    """The folder that the top-level module of a name lies in, as the search for imports finds it; None if it is not
    there or not in Python."""
    top = find_module(name.partition(".")[0])
    folders = [Path(folder).parent for folder in (top.submodule_search_locations or ())] if top else []
    if top is not None and not folders and top.has_location and top.origin:
        folders = [Path(top.origin).parent]
    return folders[0] if folders else None


def _root(top: ModuleSpec) -> Path | None:
    """The folder that a top-level module lies in; None for an installed one, whose neighbours are strangers."""
    folders = [Path(folder).parent for folder in top.submodule_search_locations or ()]
    folders += [Path(top.origin).parent] if top.origin and not folders else []
    own = [folder for folder in folders if folder.name not in ("site-packages", "dist-packages")]
    return own[0] if own else None


def _files(spec: ModuleSpec) -> list[Path]:
    if spec.submodule_search_locations is not None:
        return [path for folder in spec.submodule_search_locations for path in Path(folder).rglob("*.py")]
    return [Path(spec.origin)] if spec.has_location and spec.origin else []


def _beside(root: Path | None, name: str) -> list[Path]:
    if root is None:
        return []
    module, package = root / f"{name}.py", root / name  # a package needs no __init__.py, and a module comes before it
    if module.is_file() and not (package / "__init__.py").is_file():
        return [module]
    return [*package.rglob("*.py")]


def _imports(file: Path) -> Iterator[str]:
    """The top-level modules that a file imports."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):  # the import itself will say so
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]
