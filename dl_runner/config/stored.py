"""Configs as plain containers and as files: what Hydra composed, and a run folder's config.yaml. Imports no torch."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf._utils import get_omega_conf_dumper
from omegaconf.errors import OmegaConfBaseException

import dl_runner
from dl_runner.config.check import check_config
from dl_runner.config.explain import unresolved_message
from dl_runner.config.paths import recorded
from dl_runner.config.resolvers import hydra_values
from dl_runner.config.schema import Config
from dl_runner.config.yaml_file import read_yaml
from dl_runner.errors import UserError
from dl_runner.plugins import check_names, check_plugins
from dl_runner.runtime.checksums import RECORD, read_checked, read_record
from dl_runner.runtime.cores import allowed_cores

CONFIG = "config.yaml"  # of a run folder
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C, where it is installed, is ten times as fast
NEXT_LINE = "\x85"
_DEEPEST = 100
_AROUND = ("hydra", "sweep")  # sections that are not the run's
_EVERYWHERE = {"cuda_graphs": "off"}  # what suits any device and any number of them


def to_plain(composed: DictConfig) -> dict[str, Any]:
    """A composed config, resolved, as plain containers without the sections of Hydra and of the sweep around it.

    Raises:
        UserError: a mandatory value (???) is missing or an interpolation has no target.
    """
    return _contents(composed, [str(key) for key in composed if key not in _AROUND])


def check_interpolations(composed: DictConfig) -> None:
    """Check that every interpolation of a composed config has a target; a value may be missing (???).

    Raises:
        UserError: one has none.
    """
    keys = [str(key) for key in composed if key not in _AROUND and not OmegaConf.is_missing(composed, key)]
    _contents(composed, keys, complete=False)


def sweep_section(composed: DictConfig) -> dict[str, Any]:
    """The `sweep` group of a composed config, resolved, as plain containers.

    Raises:
        UserError: as for `to_plain`, or there is none.
    """
    if "sweep" not in composed:
        raise UserError("the config has no sweep section, so it is one run; leave out -m")
    found = _contents(composed, ["sweep"])["sweep"]
    if not isinstance(found, dict):
        raise UserError(f"sweep={found}: expected keys and values, as in conf/sweep/")
    return {str(key): value for key, value in found.items()}


def unresolved(composed: DictConfig, place: str) -> dict[str, Any]:
    """A section of a composed config as plain containers, its interpolations as they are written; {} without one."""
    found = OmegaConf.select(composed, place, throw_on_missing=False)
    plain = OmegaConf.to_container(found, resolve=False) if OmegaConf.is_config(found) else None
    return {str(key): value for key, value in plain.items()} if isinstance(plain, dict) else {}


def _contents(composed: DictConfig, keys: list[str], complete: bool = True) -> dict[str, Any]:
    with hydra_values(composed):
        try:
            found = {key: composed[key] for key in keys}
            return {
                key: OmegaConf.to_container(value, resolve=True, throw_on_missing=complete)
                if OmegaConf.is_config(value)
                else value
                for key, value in found.items()
            }
        except OmegaConfBaseException as error:
            raise UserError(unresolved_message(error)) from None
        except RecursionError:
            raise UserError("an interpolation ${…} of the config leads back to itself") from None


def load_config(path: Path) -> dict[str, Any]:
    """The plain containers of a run's config.yaml, the same as the run wrote.

    Raises:
        UserError: no such file, no YAML mapping in it, or one that the run did not write.
    """
    require_plain(path, read_checked(path).decode(errors="replace"))
    values, _ = read_yaml(path)
    if not isinstance(values, dict):
        raise UserError(f"{path}: damaged, not a run's config; restore it")
    # As it was written: a run folder's interpolations would read this machine's environment.
    return {str(key): value for key, value in values.items() if key not in _AROUND}


def require_plain(path: Path, text: str) -> None:
    """Refuse a YAML text that is no config of ours: with aliases, which can stand for more than fits into memory, or
    nested so deep that reading it takes hours. What is no YAML is for the reader to refuse.

    Raises:
        UserError: it is such a text.
    """
    depth = 0
    with contextlib.suppress(yaml.YAMLError):
        for event in yaml.parse(text, Loader=LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST or isinstance(event, yaml.AliasEvent):
                raise UserError(f"{path}: damaged, no config of a run (aliases, or nested too deep); restore it")


def load_run(
    folder: Path,
    device: str | None = None,
    parallel: dict[str, Any] | None = None,
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Config:
    """The checked config of a run folder, fitted to the place where it is read.

    Args:
        folder: a run folder.
        device: replaces the run's own device.
        parallel: replaces keys of the run's `parallel` section.
        change: the run's config, as plain containers → the one that is wanted.

    Raises:
        UserError: no run folder, a config that this version does not understand, or one that asks for modules which
            the user has not named.
    """
    plain = load_config(folder / CONFIG)
    for name in ("data", "device", "parallel"):
        if not isinstance(plain.get(name, {}), dict):
            raise UserError(f"{folder / CONFIG}: {name}: expected keys and values, not {plain[name]}; restore it")
    plain = recorded(plain)
    if device:
        plain["device"] = {**plain.get("device", {}), "name": device} | _EVERYWHERE
        if plain["device"].get("precision") == "tf32":  # which is of one kind of device
            plain["device"]["precision"] = "auto"
    elif isinstance(plain.get("device"), dict):
        plain["device"] |= _resolved(folder, plain["device"].get("threads"))
    if parallel:
        plain["parallel"] = {**plain.get("parallel", {}), **parallel}
        plain["device"] = {**plain.get("device", {})} | _EVERYWHERE
        if parallel.get("name") == "fsdp":  # which cuts contiguous weights only
            plain["device"]["memory_format"] = "contiguous"
    if change is not None:
        plain = change(plain)
    try:
        checked = check_config(plain)
        check_plugins(checked.plugins, folder)
        return checked
    except UserError as error:
        version = (_record(folder).get("versions") or {}).get("dl_runner")
        if version in (None, dl_runner.__version__):
            raise
        raise UserError(
            f"{folder}: made by dl_runner {version}, whose config {dl_runner.__version__} does not understand ({error})"
        ) from None


def check_asked(folder: Path) -> None:
    """Check that the user has named the modules that a run folder asks for, before anything heavy is imported.

    Raises:
        UserError: not all of them, or the folder's config cannot be read.
    """
    asked = load_config(folder / CONFIG).get("plugins")
    if isinstance(asked, list):
        names = [name for name in asked if isinstance(name, str)]
        check_names(names)
        check_plugins(names, folder)


def _record(folder: Path) -> dict[str, Any]:
    return read_record(folder) if (folder / RECORD).exists() else {}


def _resolved(folder: Path, threads: Any) -> dict[str, Any]:
    """How the run computed where its config left that open: it shall go on, and be measured, in the same way.

    Args:
        threads: as its config has them; left open, they are no more than the cores that are here.
    """
    record = _record(folder)
    keys = ("precision", "memory_format", "compile", "threads")
    found = {key: record[key] for key in keys if record.get(key) is not None}
    if threads is not None:
        found.pop("threads", None)
    elif "threads" in found:
        found["threads"] = min(found["threads"], allowed_cores())
    return found


def to_yaml(plain: dict[str, Any]) -> str:
    """YAML text of plain containers, for `load_config`."""
    text = OmegaConf.to_yaml(OmegaConf.create(plain))
    if NEXT_LINE not in text:
        return text
    # YAML reads it as the end of a line unless it is escaped, which the line above never does.
    options = {"default_flow_style": False, "sort_keys": False}
    return yaml.dump(plain, Dumper=get_omega_conf_dumper(), allow_unicode=False, **options)
