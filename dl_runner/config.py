"""From a composed config, or a run folder's, to a checked `Config`: every check that needs no torch.

Imports no torch, so that a mistake is answered at once.
"""

import dataclasses
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dl_runner import registry
from dl_runner.checks import arguments
from dl_runner.data.folds import check_folds
from dl_runner.errors import UserError
from dl_runner.parallel.settings import check_parallel
from dl_runner.regularize.combinations import check_decay, check_schedule, check_smoothing
from dl_runner.runtime.cores import allowed_cores
from dl_runner.runtime.files import read_json, write_atomic
from dl_runner.schema import Config, section
from dl_runner.tracking.run_folder import Job, RunRecord

# `epochs: ${unless:${.steps},10}` is 10 unless steps are given: a length in steps needs no epochs=null beside it.
OmegaConf.register_new_resolver("unless", lambda other, value: value if other is None else None, replace=True)
OmegaConf.register_new_resolver("expanduser", os.path.expanduser, replace=True)


CONFIG = "config.yaml"  # of a run folder


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
    return {str(key): value for key, value in plain.items() if key not in ("hydra", "sweep")}


def sweep_section(composed: DictConfig) -> dict[str, Any]:
    """The `sweep` group of a composed config, resolved, as plain containers."""
    found = OmegaConf.to_container(composed.sweep, resolve=True)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def load(path: Path) -> dict[str, Any]:
    """The plain containers of a run's config.yaml.

    Raises:
        UserError: no such file, or no YAML mapping in it.
    """
    try:
        loaded = OmegaConf.load(path)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); is its folder a run folder?") from None
    except Exception as error:  # PyYAML's scanner and parser errors share no public base with OmegaConf's
        raise UserError(f"{path}: not a YAML file ({str(error).splitlines()[0]})") from None
    if not isinstance(loaded, DictConfig):
        raise UserError(f"{path}: not a run's config.yaml")
    return to_plain(loaded)


_EVERYWHERE = {"cuda_graphs": "off"}  # what suits any device and any number of them


def load_run(folder: Path, device: str | None = None, parallel: dict[str, Any] | None = None) -> Config:
    """The checked config of a run folder, fitted to the place where it is read.

    Args:
        folder: a run folder.
        device: replaces the run's own device.
        parallel: replaces keys of the run's `parallel` section.

    Raises:
        UserError: no run folder, or a config that this version does not understand.
    """
    plain = load(folder / CONFIG)
    root, here = plain.get("data", {}).get("root"), os.environ.get("DLRUN_DATA_DIR")
    if root and here and not Path(root).exists():  # the run was made elsewhere
        plain["data"]["root"] = here
    if device:
        plain["device"] = {**plain.get("device", {}), "name": device} | _EVERYWHERE
    elif isinstance(plain.get("device"), dict):
        plain["device"] |= _resolved(folder)
    if parallel:
        plain["parallel"] = {**plain.get("parallel", {}), **parallel}
        plain["device"] = {**plain.get("device", {})} | _EVERYWHERE
    return check(plain)


def _resolved(folder: Path) -> dict[str, Any]:
    """How the run computed where its config left that open: it shall go on, and be measured, in the same way."""
    record = read_json(folder / "run.json") if (folder / "run.json").exists() else {}
    keys = ("precision", "memory_format", "compile", "threads") if isinstance(record, dict) else ()
    found = {key: record[key] for key in keys if record.get(key) is not None}
    if "threads" in found:
        found["threads"] = min(found["threads"], allowed_cores())
    return found


def save(plain: dict[str, Any]) -> str:
    """YAML text of plain containers, for `load`."""
    return OmegaConf.to_yaml(OmegaConf.create(plain))


def begin(
    checked: Config, folder: Path, job: Job | None = None, command: Sequence[str] = (), **known: Any
) -> RunRecord:
    """Write config.yaml and run.json of what begins now in `folder`, which the caller holds.

    Args:
        job: the sweep's job that it is.
        command: the command line, this process's own if left out.
        known: fields of run.json; device and precision are those that the config asks for if left out.
    """
    write_atomic(folder / CONFIG, save(checked.plain))
    asked = {"device": checked.device.name, "precision": checked.device.precision}
    command = list(command) or ["dlrun", *sys.argv[1:]]
    return RunRecord.start(folder, command=command, seed=checked.seed, job=job, **(asked | known))


def check(plain: dict[str, Any]) -> Config:
    """The typed config of one experiment, every check made that needs neither torch nor data.

    Raises:
        UserError: names the first key that is wrong, its value and the remedy.
    """
    config = dataclasses.replace(section(Config, plain, ""), plain=_absolute(plain))
    trainer = config.trainer
    if trainer.epochs is not None and trainer.steps is not None:
        raise UserError(
            f"trainer.epochs={trainer.epochs:g} and trainer.steps={trainer.steps}: a run has one length; "
            "add trainer.epochs=null or trainer.steps=null"
        )
    if trainer.epochs is None and trainer.steps is None:
        raise UserError("trainer.epochs=null and trainer.steps=null: a run needs a length; set one of them")
    if trainer.accumulate > config.data.batch_size:
        raise UserError(
            f"trainer.accumulate={trainer.accumulate}: cannot cut a batch of data.batch_size={config.data.batch_size} "
            "into more parts than it has examples"
        )
    for group, part, given in (
        ("optimizer", config.optimizer, {"groups"}),
        ("schedule", config.schedule, {"horizon"}),
        ("init", config.init, set()),
        ("model", config.model, None),
        ("data", config.data, None),
    ):
        try:
            if given is None:  # its module imports torch, so build.py checks the rest
                registry.require(group, part.name)
            else:
                arguments(registry.builder(group, part.name), part.arguments, group, given)
        except registry.UnknownName:
            # A plugin may bring it; which it is, build.py finds out, because importing one may import torch.
            if not config.plugins and not importlib.metadata.entry_points(group=registry.ENTRY_POINTS):
                raise
    check_folds(config.data.folds, config.data.fold, config.data.validation)
    _check_combinations(config)
    return config


def _absolute(plain: dict[str, Any]) -> dict[str, Any]:
    """The same with the data's folders made absolute: a run folder is read from any working directory."""
    data = dict(plain["data"])
    if data["root"]:
        data["root"] = str(Path(data["root"]).expanduser().absolute())
    if isinstance(data.get("path"), str) and Path(data["path"]).expanduser().exists():
        data["path"] = str(Path(data["path"]).expanduser().absolute())
    return {**plain, "data": data}


def _check_combinations(config: Config) -> None:
    """Parts that are right by themselves and wrong together.

    Raises:
        UserError: names the keys and the remedy.
    """
    regularization, optimizer, schedule = config.regularization, config.optimizer, config.schedule
    if config.lesson is not None and config.parallel.name != "none":
        raise UserError(f"parallel={config.parallel.name}: a lesson's trainings are small and run in one process each")
    check_parallel(
        config.parallel,
        batch_size=config.data.batch_size,
        layers=config.layers.name,
        memory_format=config.device.memory_format,
        l1=regularization.l1,
        l2=regularization.l2,
        max_norm=regularization.max_norm,
    )
    if config.device.cuda_graphs == "on" and (config.parallel.name != "none" or config.trainer.accumulate != 1):
        raise UserError("device.cuda_graphs=on: needs parallel=none and trainer.accumulate=1; use off")
    if "lr" in optimizer.arguments:
        check_decay(
            optimizer.name,
            optimizer.arguments["lr"],
            weight_decay=regularization.weight_decay,
            l2=regularization.l2,
            decoupled=regularization.decoupled,
        )
    check_smoothing(config.loss.name, regularization.label_smoothing)
    check_schedule(optimizer.name, schedule.name, warmed=bool(schedule.arguments.get("warmup")))
