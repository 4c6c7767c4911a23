"""The typed schema of an experiment and every check that needs no torch.

`check` turns a composed config, plain containers, into a `Config`. Sections with a fixed meaning are dataclasses;
a part that a builder makes (model, optimizer, …) is a `Part`, a name with arguments for the builder's signature.
Imports no torch, so that a mistake is answered at once.
"""

import dataclasses
import importlib.metadata
import os
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dl_runner import registry
from dl_runner.checks import CountInt, Folds, Fraction, NonNegative, Positive, PositiveInt, arguments, checked
from dl_runner.data.folds import check_folds
from dl_runner.duration import Duration, Steps
from dl_runner.errors import UserError, hint
from dl_runner.regularize.combinations import check_decay, check_schedule, check_smoothing

# `epochs: ${unless:${.steps},10}` is 10 unless steps are given: a length in steps needs no epochs=null beside it.
OmegaConf.register_new_resolver("unless", lambda other, value: value if other is None else None, replace=True)
OmegaConf.register_new_resolver("expanduser", os.path.expanduser, replace=True)


CONFIG = "config.yaml"  # of a run folder


@dataclass(frozen=True, kw_only=True)
class Part:
    """A builder's name in its registry group, and keyword arguments for it, unchecked until the builder is at hand."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DataConfig(Part):
    """`dl_runner.data`: `validation` is a fraction of the training examples, `limit` a number of them, `folds` the
    parts that they are cut into, of which `fold` is the validation data."""

    root: Path | None
    validation: Fraction | None
    folds: Folds | None = None
    fold: CountInt | None = None
    limit: PositiveInt | None
    image_size: PositiveInt | None
    batch_size: PositiveInt
    normalize: bool


@dataclass(frozen=True, kw_only=True)
class LayersConfig:
    name: Literal["torch", "scratch"]


@dataclass(frozen=True, kw_only=True)
class RegularizationConfig:
    """What each λ and limit means is in conf/regularization/none.yaml; all of them hold for weights only."""

    weight_decay: NonNegative
    l2: NonNegative
    l1: NonNegative
    decoupled: NonNegative
    max_norm: Positive | None
    label_smoothing: Fraction
    dropout: Fraction | None
    early_stopping: PositiveInt | None


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    transforms: list[dict]

    @property
    def parts(self) -> list[Part]:
        return [section(Part, transform, f"augment.transforms.{i}") for i, transform in enumerate(self.transforms)]


@dataclass(frozen=True, kw_only=True)
class DeviceConfig:
    name: str
    precision: Literal["auto", "fp32", "bf16"]
    threads: PositiveInt | None


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """Exactly one of `epochs` and `steps` is set."""

    epochs: Positive | None
    steps: PositiveInt | None
    evaluate_every: Steps
    log_every: Steps
    checkpoint_every: Duration
    accumulate: PositiveInt
    clip_norm: Positive | None
    test: Literal["best", "last", "every", "never"]
    evaluate_batches: PositiveInt | None
    profile_steps: CountInt


@dataclass(frozen=True, kw_only=True)
class TrackerConfig:
    console: Literal["auto", "rich", "plain", "none"]
    tensorboard: bool


@dataclass(frozen=True, kw_only=True)
class Config:
    """One experiment. `plain` is the same as resolved plain containers, which is what a run folder stores."""

    data: DataConfig
    model: Part
    layers: LayersConfig
    loss: Part
    optimizer: Part
    schedule: Part
    regularization: RegularizationConfig
    init: Part
    augment: AugmentConfig
    device: DeviceConfig
    trainer: TrainerConfig
    tracker: TrackerConfig
    lesson: Part | None
    expected: dict | None
    seed: CountInt
    plugins: list[str]
    outputs: Path
    plain: dict[str, Any] = field(repr=False, default_factory=dict)


def section(schema: type, values: Any, key: str) -> Any:
    """A dataclass from a mapping; unknown keys become a Part's arguments, or an error.

    Args:
        schema: a dataclass whose annotations `checks.convert` understands.
        values: the mapping from a config.
        key: its dotted place in the config, "" for the whole.

    Raises:
        UserError: not a mapping, a key too many or too few, or a value that does not fit.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{key}={values}: expected keys and values, as in conf/{key}/")
    hints = typing.get_type_hints(schema, include_extras=True)
    names = {field.name for field in dataclasses.fields(schema)} - {"arguments", "plain"}
    dotted = f"{key}." if key else ""
    rest = {name: value for name, value in values.items() if name not in names}
    if rest and not issubclass(schema, Part):
        name, value = next(iter(rest.items()))
        raise UserError(f"{dotted}{name}={value}: no such key{hint(name, names)}")
    result = {}
    for name in sorted(names):
        if name not in values and hasattr(schema, name):  # a run folder older than this key, which has a default
            continue
        if name not in values:
            raise UserError(f"{dotted}{name}: missing from the config")
        schema_of = next(iter(typing.get_args(hints[name])), hints[name])  # of `Part | None` the Part
        nested = dataclasses.is_dataclass(schema_of) and not hasattr(schema_of, "parse") and values[name] is not None
        place = f"{dotted}{name}"
        result[name] = section(schema_of, values[name], place) if nested else checked(values[name], hints[name], place)
    if issubclass(schema, Part):
        result["arguments"] = rest
    return schema(**result)


def to_plain(composed: DictConfig) -> dict[str, Any]:
    """A composed config, resolved, as plain containers without Hydra's own section.

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
    return {str(key): value for key, value in plain.items() if key != "hydra"}


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


def load_run(folder: Path, device: str | None = None) -> "Config":
    """The checked config of a run folder, fitted to the place where it is read.

    Args:
        folder: a run folder.
        device: replaces the run's own device.

    Raises:
        UserError: no run folder, or a config that this version does not understand.
    """
    plain = load(folder / CONFIG)
    root, here = plain.get("data", {}).get("root"), os.environ.get("DLRUN_DATA_DIR")
    if root and here and not Path(root).exists():  # the run was made elsewhere
        plain["data"]["root"] = here
    if device:
        plain["device"] = {**plain.get("device", {}), "name": device}
    return check(plain)


def save(plain: dict[str, Any]) -> str:
    """YAML text of plain containers, for `load`."""
    return OmegaConf.to_yaml(OmegaConf.create(plain))


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
