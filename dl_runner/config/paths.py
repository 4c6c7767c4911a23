"""What a path in a config means. Imports no torch.

A relative one is relative to the working directory; a `data.path` may be relative to the folder of all data sets
instead. Paths are resolved once, when the config is checked, and are absolute from then on: in the builders and in the
run folder.
"""

import copy
import os
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from dl_runner.config.pinned import pinned
from dl_runner.errors import UserError
from dl_runner.runtime.home import home

asked_root: ContextVar[str | None] = ContextVar("data_root", default=None)  # where the data of a run lie now
FOUND = ("path", "labels")  # keys of `data` that may be relative to the folder of all data sets


def absolute(path: str | Path) -> Path:
    """The path from the root of the file system on, without a ~; links stay links."""
    return _expanded(path).absolute()


def _expanded(path: str | Path) -> Path:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:  # recorded where names of files have another encoding: the same bytes
        path = os.fsdecode(str(path).encode(errors="surrogateescape"))
    with suppress(RuntimeError):  # ~name of nobody, or a ~ of a user without a home
        return Path(path).expanduser()
    return Path(path)


def shown(path: Path) -> Path:
    """The path as people write it: relative where it is below the working directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def default_root() -> Path:
    """The folder of all data sets when `data.root` is null: dl_runner in the user's cache folder. Not created."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (absolute(cache) if cache else home() / ".cache") / "dl_runner"


def default_outputs() -> Path:
    """The folder of all runs where nothing says otherwise, as conf/config.yaml has it.

    Raises:
        UserError: the environment has an empty name for it.
    """
    named = os.environ.get("DLRUN_OUTPUT_DIR", "outputs")
    if not named:
        raise UserError("DLRUN_OUTPUT_DIR: is empty in the environment; set it to a folder, or unset it")
    return Path(named)


def find_data(path: str, root: Path, key: str = "path") -> Path | None:
    """The file or folder that data.path, or another key of `data`, names, absolute; None if there is none.

    Args:
        path: absolute, or relative to `root` or to the working directory; to the latter alone if it begins with . or ..
        root: the folder of all data sets.

    Raises:
        UserError: both are there, and are not the same.
    """
    below, here = absolute(root / _expanded(path)), absolute(path)
    if path.split("/")[0] in (".", ".."):
        below = here
    found = [place for place in dict.fromkeys((below, here)) if place.exists()]
    if len(found) == 2 and not below.samefile(here):
        raise UserError(
            f"data.{key}={path}: is in the folder of all data sets and in the working directory; write which one, "
            f"data.{key}={below} or data.{key}={here}"
        )
    return found[0] if found else None


def resolved(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A config, as plain containers, with its paths absolute; those that lead nowhere stay as they are.

    Paths among the arguments of other builders are resolved where their annotations are known; see
    `dl_runner.build.builders.check_builders`.

    Raises:
        UserError: a data.path of two meanings.
    """
    data, pretrained = dict(plain["data"]), dict(plain.get("pretrained") or {})
    if data["root"] is not None:
        data["root"] = str(absolute(data["root"]))
    for key in FOUND:
        if isinstance(data.get(key), str):
            data[key] = str(find_data(data[key], Path(data["root"] or default_root()), key) or data[key])
    source = pretrained.get("from")
    if source is not None and absolute(source).exists():
        pretrained["from"] = str(absolute(source))
    sections = {"pretrained": pretrained} if pretrained else {}
    return pinned({**plain, "data": data, **sections, "outputs": str(absolute(plain["outputs"]))})


def recorded(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a run folder with the paths that it has here.

    `asked_root` takes the place of the folder of all data sets; where that is gone, the run was made elsewhere, and
    DLRUN_DATA_DIR does. A data.path that is relative is of a version that left those below that folder so.
    """
    data = dict(plain.get("data") or {})
    root, here = data.get("root"), asked_root.get() or os.environ.get("DLRUN_DATA_DIR")
    moved = bool(root and here and (asked_root.get() or not Path(root).exists()))
    if moved or asked_root.get():
        data["root"] = here
    for key in FOUND:
        path = data.get(key)
        if not isinstance(path, str):
            continue
        if moved and Path(path).is_relative_to(root):
            data[key] = str(absolute(here) / Path(path).relative_to(root))
        elif asked_root.get() and not Path(path).exists():
            data[key] = str(_moved(Path(path), absolute(here)))
        elif not moved and (below := Path(root or default_root()) / path).exists():
            data[key] = str(below)
    return {**plain, "data": data}


def _moved(path: Path, root: Path) -> Path:
    """Where a path is below another folder, by as much of its end as there is; the path itself if nowhere."""
    ends = (root.joinpath(*path.parts[start:]) for start in range(1, len(path.parts)))
    return next((one for one in ends if one.exists()), path)


def plain_paths(value: Any) -> Any:
    """A Path, or a list of them, as plain text; None for anything else."""
    if isinstance(value, Path):
        return str(value)
    found = [plain_paths(one) for one in value] if isinstance(value, list | tuple) else []
    return found if found and None not in found else None


def with_values(plain: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a config with other values of dotted keys that are in it; numbers among the keys count in lists."""
    changed = copy.deepcopy(dict(plain))
    for key, value in values.items():
        *sections, last = key.split(".")
        place: Any = changed
        for section in sections:
            place = place[int(section) if isinstance(place, list) else section]
        if last in place:  # else it is a default of the builder's, which no key has set
            place[last] = value
    return changed


def portable(plain: Mapping[str, Any]) -> dict[str, Any]:
    """`resolved`, but for what is below the folder of all data sets: the same config wherever that folder is.

    Raises:
        UserError: a data.path of two meanings.
    """
    found = resolved(plain)
    data, root = found["data"], Path(found["data"]["root"] or default_root()).resolve()
    for key in FOUND:
        if isinstance(data.get(key), str) and Path(data[key]).is_absolute():
            path = Path(data[key]).resolve()
            data[key] = str(path.relative_to(root) if path.is_relative_to(root) else path)
    return found
