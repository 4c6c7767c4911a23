"""From plain containers to a checked `Config`: every check that needs neither torch nor data.

Imports no torch, so that a mistake is answered at once.
"""

import dataclasses
import importlib.metadata
from typing import Any

from dl_runner import registry
from dl_runner.config.paths import resolved
from dl_runner.config.rules import check_decay, check_folds, check_parallel, check_schedule, check_smoothing
from dl_runner.config.schema import Config, section
from dl_runner.config.types import arguments
from dl_runner.errors import UserError
from dl_runner.plugins import check_names, name_plugins


def check_config(plain: dict[str, Any]) -> Config:
    """The typed config of one experiment, every check made that needs neither torch nor data.

    Raises:
        UserError: names the first key that is wrong, its value and the remedy.
    """
    section(Config, plain, "")
    plain = resolved(plain)
    config = dataclasses.replace(section(Config, plain, ""), plain=plain)
    check_names(config.plugins)
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
        *(("callback", one, None) for one in config.callbacks),
        *(() if config.task.builder_name == "auto" else (("task", config.task, None),)),
    ):
        try:
            if given is None:  # its module imports torch, so the rest is checked when it is built
                registry.require(group, part.builder_name)
            else:
                arguments(registry.builder(group, part.builder_name), part.arguments, group, given)
        except registry.UnknownName:
            # A plugin may bring it; that is found out when it is built, because importing one may import torch.
            if not config.plugins and not importlib.metadata.entry_points(group=registry.ENTRY_POINTS):
                raise
    check_folds(config.data.folds, config.data.fold, config.data.validation)
    _check_combinations(config)
    return config


def check_command(plain: dict[str, Any]) -> Config:
    """`check_config` of what a command line has composed: the user names the plugins in it.

    Raises:
        UserError: as for `check_config`.
    """
    checked = check_config(plain)
    name_plugins(checked.plugins)
    return checked


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
    if config.device.cuda_graphs == "on" and any(group.start is not None for group in config.groups):
        raise UserError("device.cuda_graphs=on: replays one step, and groups with from change it; use off")
    if optimizer.builder_name == "rprop" and any(group.rate not in (0, 1) for group in config.groups):
        raise UserError("groups: optimizer rprop keeps step sizes of its own and takes no lr but 0 and 1 of a group")
    if optimizer.builder_name == "adafactor" and config.parallel.name == "fsdp":
        raise UserError("optimizer=adafactor: needs whole weights, and parallel=fsdp cuts them up; use parallel=ddp")
    if "lr" in optimizer.arguments:
        check_decay(
            optimizer.builder_name,
            optimizer.arguments["lr"],
            weight_decay=regularization.weight_decay,
            l2=regularization.l2,
            decoupled=regularization.decoupled,
        )
    check_smoothing(config.loss.builder_name, regularization.label_smoothing)
    check_schedule(optimizer.builder_name, schedule.name, warmed=bool(schedule.arguments.get("warmup")))
