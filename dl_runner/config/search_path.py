"""Where configs are looked for: the user's own folders, the first one first, then the package's, then those that
installed plugins have inside. Imports no torch.
"""

import importlib.metadata
import importlib.util
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from dl_runner.errors import UserError, hint
from dl_runner.registry import ENTRY_POINTS
from dl_runner.runtime.modules import root_of

# Beside the package in a checkout, inside it in an installed wheel.
PACKAGE = Path(__file__).resolve().parents[1]
CONF = next(folder for folder in (PACKAGE / "conf", PACKAGE.parent / "conf") if folder.is_dir())
_own: ContextVar[tuple[Path, ...]] = ContextVar("own_config_folders", default=())


SEVERAL = ("metric", "callback")  # groups of which a run may have any number of choices, GROUP=[A,B]


def groups() -> list[str]:
    """The config groups, in alphabetical order."""
    return sorted(folder.name for folder in CONF.iterdir() if folder.is_dir())


def group_named(word: str) -> str | None:
    """The group that a word names, in the singular or the plural; None for none."""
    found = next((name for name in groups() if word in (name, f"{name}s", f"{name[:-1]}es")), None)
    return found or {"losses": "loss", "inits": "init"}.get(word)


def installed() -> dict[str, Path]:
    """The folder conf/ of each installed package that offers a plugin and has one, by the package's name. None of its
    code is run."""
    return dict(_installed(tuple(sys.path)))


@lru_cache
def _installed(_paths: tuple[str, ...]) -> tuple[tuple[str, Path], ...]:
    found = {}
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        name = entry.module.partition(".")[0]
        root = root_of(name)
        if root is not None and (root / name / "conf").is_dir():
            found[name] = (root / name / "conf").absolute()
    return tuple(sorted(found.items()))


def owner_of(group: str, name: str, folders: Sequence[Path] = ()) -> str | None:
    """Whose a choice is: the name of an installed package, or of a folder of the user's own; None for ours."""
    path = file_of(group, name, folders)
    packages = {folder: package for package, folder in installed().items()}
    holding = next((one for one in (*folders, CONF, *packages) if path is not None and path.is_relative_to(one)), CONF)
    return None if holding == CONF else packages.get(holding, holding.name)


def choices(group: str, folders: Sequence[Path] = ()) -> list[str]:
    """The options of a group, with those of the user's own folders and of installed plugins; a leading underscore marks
    a part of others."""
    everywhere = (*folders, CONF, *installed().values())
    found = {path.relative_to(folder / group) for folder in everywhere for path in _files(folder / group)}
    return sorted(path.with_suffix("").as_posix() for path in found if not path.name.startswith("_"))


def file_of(group: str, name: str, folders: Sequence[Path] = ()) -> Path | None:
    """The file that a choice of a group is read from, the first one that has this name."""
    paths = (folder / group / f"{name}.yaml" for folder in (*folders, CONF, *installed().values()))
    return next((path for path in paths if path.is_file()), None)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.yaml") if path.is_file())


def checked_folders(given: Iterable[str | os.PathLike[str]], option: str = "--config-dir") -> tuple[Path, ...]:
    """The folders, absolute and each once.

    Args:
        given: paths, file://PATH, or pkg://MODULE for a folder inside an installed package.
        option: what the user wrote them behind, for the message.

    Raises:
        UserError: one of them does not exist.
    """
    return tuple(dict.fromkeys(_folder(os.fspath(one), option) for one in given))


def _folder(text: str, option: str) -> Path:
    scheme, _, rest = text.partition("://")
    if scheme == "pkg" and rest:
        return _of_package(rest, f"{option} {text}")
    path = Path(rest if scheme == "file" and rest else text)
    with suppress(RuntimeError):  # the ~name of nobody
        path = path.expanduser()
    if not text or not path.is_dir():
        kind = "is no folder" if text and path.exists() else "no such folder"
        raise UserError(f"{option} {text or repr(text)}: {kind}; it names the folder that holds your model/, data/, …")
    if (path / "run.json").is_file():  # a config that this user did not write
        raise UserError(
            f"{option} {text}: is a run folder, no folder of choices; go on with it by: "
            f"{shlex.join(['dlrun', 'resume', text])}"
        )
    has_choices = any((path / group).is_dir() for group in (*groups(), "hydra")) or any(path.glob("*.yaml"))
    if any(path.iterdir()) and not has_choices:  # such as a folder of runs
        raise UserError(f"{option} {text}: holds no choices; it names the folder that holds your model/, data/, …")
    return path.absolute()


def rerun_command(run: Path) -> str:
    """A command to paste that makes a run once more."""
    return shlex.join(["dlrun", "repeat", str(run)])


def _of_package(name: str, shown: str) -> Path:
    try:
        spec = importlib.util.find_spec(name.replace("/", "."))
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"{shown}: no such package; install it, or name a folder")
    return Path(next(iter(spec.submodule_search_locations)))


@contextmanager
def searching(folders: Sequence[Path]) -> Iterator[None]:
    """Meanwhile what Hydra composes is looked for in these folders first."""
    token = _own.set(tuple(folders))
    try:
        yield
    finally:
        _own.reset(token)


def searched() -> tuple[Path, ...]:
    """The user's own folders of the command line that is being carried out."""
    return _own.get()


def command_line(arguments: Sequence[str]) -> str:
    """A command to paste that looks for configs where this one does."""
    folders = [text for folder in searched() for text in ("--config-dir", str(folder))]
    return shlex.join(["dlrun", *folders, *arguments])


def checked_name(name: str, folders: Sequence[Path]) -> str:
    """The name of a config as a whole, as --config-name has it.

    Raises:
        UserError: no such file.
    """
    stem = name.removesuffix(".yaml")
    known = {path.stem for folder in (*folders, CONF) for path in folder.glob("*.yaml")}
    if not any((folder / f"{stem}.yaml").is_file() for folder in (*folders, CONF)):
        raise UserError(
            f"--config-name {name}: no such file in {', '.join(map(str, folders)) or 'dlrun'}{hint(stem, known)}"
        )
    if folders and not any((folder / f"{stem}.yaml").is_file() for folder in folders):
        raise UserError(
            f"--config-name {name}: {', '.join(map(str, folders))} has no {stem}.yaml; leave --config-name out for "
            "dlrun's own"
        )
    return stem
