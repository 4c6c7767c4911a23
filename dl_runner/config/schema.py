"""The typed schema of an experiment. Imports no torch.

Sections with a fixed meaning are dataclasses; what a builder makes (model, optimizer, …) is a `Component`, a name with
arguments for the builder's signature. A field with a default is one that older run folders do not have.
"""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dl_runner.config.durations import Duration, Steps
from dl_runner.config.groups import Groups
from dl_runner.config.parsed import NormalizationConfig, PretrainedConfig
from dl_runner.config.search_path import groups
from dl_runner.config.types import CountInt, Folds, Fraction, NonNegative, Positive, PositiveInt, checked
from dl_runner.errors import UserError, hint


@dataclass(frozen=True, kw_only=True)
class Component:
    """A choice of a group that a builder makes, with keyword arguments for it, unchecked until the builder is at hand.

    Args:
        name: what the user calls it.
        builder: the builder's name in the registry group where several choices share one; None: `name`.
    """

    name: str
    builder: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def builder_name(self) -> str:
        return self.builder or self.name


@dataclass(frozen=True, kw_only=True)
class DataConfig(Component):
    """`dl_runner.data`: `validation` is a fraction of the training examples, `limit` a number of them, `folds` the
    parts that they are cut into, of which `fold` is the validation data."""

    root: Path | None
    validation: Fraction | None
    folds: Folds | None = None
    fold: CountInt | None = None
    limit: PositiveInt | None
    image_size: PositiveInt | None
    batch_size: PositiveInt
    normalize: bool | NormalizationConfig


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
    def components(self) -> list[Component]:
        return [section(Component, transform, f"augment.transforms.{i}") for i, transform in enumerate(self.transforms)]


@dataclass(frozen=True, kw_only=True)
class DeviceConfig:
    """The defaults are what a run folder of before these keys existed has run with."""

    name: str
    precision: Literal["auto", "fp32", "tf32", "bf16"]
    threads: PositiveInt | None
    memory_format: Literal["auto", "contiguous", "channels_last"] = "contiguous"
    compile: Literal["auto", "off", "on"] = "off"
    cuda_graphs: Literal["off", "on"] = "off"


GROUPED = ("ddp", "fsdp", "manual")  # these run one process per device


@dataclass(frozen=True, kw_only=True)
class ParallelConfig:
    """The comments in conf/parallel/ say what each key means; the defaults are what older run folders have run with."""

    name: Literal["none", "data_parallel", "ddp", "fsdp", "manual"] = "none"
    devices: PositiveInt | None = None
    sync_batchnorm: bool = False
    timeout: Positive = 60.0
    cluster: Literal["auto", "off"] = "auto"

    @property
    def grouped(self) -> bool:
        """Whether the run takes several processes."""
        return self.name in GROUPED


ONE_DEVICE = ParallelConfig()


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
    meter_every: Steps | None = None
    show_every: Steps | None = None
    monitor: str | None = None
    profile_steps: CountInt


@dataclass(frozen=True, kw_only=True)
class TrackerConfig:
    console: Literal["auto", "rich", "plain", "none"]
    tensorboard: bool


AUTO = Component(name="auto")


@dataclass(frozen=True, kw_only=True)
class Config:
    """One experiment. `plain` is the same as resolved plain containers, which is what a run folder stores."""

    data: DataConfig
    model: Component
    layers: LayersConfig
    task: Component = AUTO
    tokenizer: Component = AUTO
    loss: Component
    metric: dict = field(default_factory=dict)
    callback: dict = field(default_factory=dict)
    optimizer: Component
    schedule: Component
    regularization: RegularizationConfig
    init: Component
    pretrained: PretrainedConfig = field(default_factory=PretrainedConfig)
    groups: Groups = field(default_factory=Groups)
    augment: AugmentConfig
    device: DeviceConfig
    parallel: ParallelConfig = ONE_DEVICE
    trainer: TrainerConfig
    tracker: TrackerConfig
    lesson: Component | None
    expected: dict | None
    tags: list[str] = field(default_factory=list)
    notes: str | None = None
    seed: CountInt
    plugins: list[str]
    outputs: Path
    plain: dict[str, Any] = field(repr=False, default_factory=dict)

    @property
    def metrics(self) -> list[Component]:
        """The metrics beside the task's, each by the name under which it is reported."""
        return several(self.metric, "metric")

    @property
    def callbacks(self) -> list[Component]:
        """What acts beside the training, each by its name."""
        return several(self.callback, "callback")


def several(chosen: Mapping[str, Any], group: str) -> list[Component]:
    """The choices of a group of which a run may have several: {NAME: keys}.

    Raises:
        UserError: what is below a name is no keys and values.
    """
    found = []
    for name, keys in chosen.items():
        if not isinstance(keys, Mapping):
            raise UserError(f"{group}.{name}={keys}: expected keys and values, as in conf/{group}/")
        found.append(section(Component, {"name": str(name), **keys}, f"{group}.{name}"))
    return found


def section(schema: type, values: Any, key: str) -> Any:
    """A dataclass from a mapping; unknown keys become a Component's arguments, or an error.

    Args:
        schema: a dataclass whose annotations `checks.convert` understands.
        values: the mapping from a config.
        key: its dotted place in the config, "" for the whole.

    Raises:
        UserError: not a mapping, a key too many or too few, or a value that does not fit.
    """
    if not isinstance(values, Mapping):
        where = f"conf/{key}/" if key in groups() else f"{key}: {{KEY: VALUE}}"
        instead = "; a lesson is an experiment, experiment=lessons/NAME" if key == "lesson" else ""
        raise UserError(f"{key}={values}: expected keys and values, as in {where}{instead}")
    hints = typing.get_type_hints(schema, include_extras=True)
    names = {field.name for field in dataclasses.fields(schema)} - {"arguments", "plain"}
    optional = {
        field.name
        for field in dataclasses.fields(schema)
        if field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    }
    dotted = f"{key}." if key else ""
    rest = {name: value for name, value in values.items() if name not in names}
    if rest and not issubclass(schema, Component):
        name, value = next(iter(rest.items()))
        raise UserError(f"{dotted}{name}={value}: no such key{hint(name, names)}")
    result = {}
    for name in sorted(names):
        if name not in values and name in optional:  # a run folder older than this key, which has a default
            continue
        if name not in values:
            raise UserError(f"{dotted}{name}: missing from the config")
        schema_of = next(iter(typing.get_args(hints[name])), hints[name])  # of `Component | None` the Component
        nested = dataclasses.is_dataclass(schema_of) and not hasattr(schema_of, "parse") and values[name] is not None
        place = f"{dotted}{name}"
        result[name] = section(schema_of, values[name], place) if nested else checked(values[name], hints[name], place)
    if issubclass(schema, Component):
        result["arguments"] = rest
    return schema(**result)
