"""Configs as plain containers and as files: what Hydra composed, and a run folder's config.yaml. Imports no torch."""

import os
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

import dl_runner
from dl_runner.config.check import check_config
from dl_runner.config.schema import Config
from dl_runner.errors import UserError
from dl_runner.plugins import check_plugins
from dl_runner.runtime.checksums import RECORD, read_checked, read_record
from dl_runner.runtime.cores import allowed_cores

# `epochs: ${unless:${.steps},10}` is 10 unless steps are given: a length in steps needs no epochs=null beside it.
OmegaConf.register_new_resolver("unless", lambda other, value: value if other is None else None, replace=True)
OmegaConf.register_new_resolver("expanduser", os.path.expanduser, replace=True)

CONFIG = "config.yaml"  # of a run folder
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C, where it is installed, is ten times as fast
_DEEPEST = 100
_AROUND = ("hydra", "sweep")  # sections that are not the run's
_EVERYWHERE = {"cuda_graphs": "off"}  # what suits any device and any number of them


def to_plain(composed: DictConfig) -> dict[str, Any]:
    """A composed config, resolved, as plain containers without the sections of Hydra and of the sweep around it.

    Raises:
        UserError: a mandatory value (???) is missing or an interpolation has no target.
    """
    try:
        plain = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        if "Missing mandatory value" in reason:
            raise UserError(f"{error.full_key}: needs a value; add {error.full_key}=… to the command line") from None
        raise UserError(f"{error.full_key}: {reason}") from None
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items() if key not in _AROUND}


def sweep_section(composed: DictConfig) -> dict[str, Any]:
    """The `sweep` group of a composed config, resolved, as plain containers."""
    found = OmegaConf.to_container(composed.sweep, resolve=True)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def load_config(path: Path) -> dict[str, Any]:
    """The plain containers of a run's config.yaml, the same as the run wrote.

    Raises:
        UserError: no such file, no YAML mapping in it, or one that the run did not write.
    """
    try:
        text = read_checked(path).decode()
        loaded = _plain_yaml(text)
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: damaged, not a YAML file ({str(error).splitlines()[0]}); restore it") from None
    if not isinstance(loaded, dict):
        raise UserError(f"{path}: damaged, not a run's config; restore it")
    # As it was written: a run folder's interpolations would read this machine's environment.
    return {str(key): value for key, value in loaded.items() if key not in _AROUND}


def _plain_yaml(text: str) -> Any:
    """What a YAML text holds that says each thing once, as ours do: aliases can stand for more than fits into memory.

    Raises:
        yaml.YAMLError: no YAML, or with aliases, tags of objects, or containers in containers in … without end.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("it has aliases")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise yaml.YAMLError("nested too deep")
    return yaml.load(text, _LOADER)


def load_run(folder: Path, device: str | None = None, parallel: dict[str, Any] | None = None) -> Config:
    """The checked config of a run folder, fitted to the place where it is read.

    Args:
        folder: a run folder.
        device: replaces the run's own device.
        parallel: replaces keys of the run's `parallel` section.

    Raises:
        UserError: no run folder, a config that this version does not understand, or one that asks for modules which
            the user has not named.
    """
    plain = load_config(folder / CONFIG)
    root, here = plain.get("data", {}).get("root"), os.environ.get("DLRUN_DATA_DIR")
    if root and here and not Path(root).exists():  # the run was made elsewhere
        plain["data"]["root"] = here
    if device:
        plain["device"] = {**plain.get("device", {}), "name": device} | _EVERYWHERE
        if plain["device"].get("precision") == "tf32":  # which is of one kind of device
            plain["device"]["precision"] = "auto"
    elif isinstance(plain.get("device"), dict):
        plain["device"] |= _resolved(folder)
    if parallel:
        plain["parallel"] = {**plain.get("parallel", {}), **parallel}
        plain["device"] = {**plain.get("device", {})} | _EVERYWHERE
        if parallel.get("name") == "fsdp":  # which cuts contiguous weights only
            plain["device"]["memory_format"] = "contiguous"
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


def _record(folder: Path) -> dict[str, Any]:
    return read_record(folder) if (folder / RECORD).exists() else {}


def _resolved(folder: Path) -> dict[str, Any]:
    """How the run computed where its config left that open: it shall go on, and be measured, in the same way."""
    record = _record(folder)
    keys = ("precision", "memory_format", "compile", "threads")
    found = {key: record[key] for key in keys if record.get(key) is not None}
    if "threads" in found:
        found["threads"] = min(found["threads"], allowed_cores())
    return found


def to_yaml(plain: dict[str, Any]) -> str:
    """YAML text of plain containers, for `load_config`."""
    return OmegaConf.to_yaml(OmegaConf.create(plain))
