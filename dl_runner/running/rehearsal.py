"""Whether the parts of many configs fit, found out before the first of them trains.

Configs that differ only in what the parts do not depend on share them: each distinct data set is loaded once, each
distinct model with its task is built and tried once, and each distinct rest is checked once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from traceback import format_exception
from typing import Any

from dl_runner.build.builders import Builders, check_builders
from dl_runner.build.data import build_data
from dl_runner.build.experiment import Experiment, build_experiment, build_horizon
from dl_runner.build.fit import check_parts, check_settings, check_sizes
from dl_runner.build.model import build_device, build_device_settings
from dl_runner.build.training import build_optimizer
from dl_runner.config.schema import Config
from dl_runner.data.dataset import Data
from dl_runner.errors import UserError
from dl_runner.optim.frozen import Frozen
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.running.distributed import to_start
from dl_runner.running.lesson import lesson_of
from dl_runner.runtime.device import check_cuda_graphs
from dl_runner.runtime.progress import showing, tracked

# Keys in which configs may differ and be right or wrong together …
_REPEATED = ("seed", "data.fold", "outputs", "tracker", "expected")
# … and those in which their data, models and tasks may differ and be the same; below `regularization` all but two.
_AROUND = ("optimizer", "schedule", "trainer", "device", "parallel", "lesson", "data.batch_size", "data.download")
_OF_PARTS = ("dropout", "label_smoothing")
_OF_DATA = ("data", "tokenizer", "plugins")


@dataclass(frozen=True)
class Misfit:
    """What is wrong with a config.

    Args:
        error: one line.
        traceback_text: of an exception that is no `UserError`, as a builder raises it that does not check its values.
    """

    error: str
    traceback_text: str | None = None


def misfits(configs: Sequence[Config], *, here: bool = True) -> list[Misfit | None]:
    """What is wrong with each config, None where nothing is.

    Args:
        here: whether the runs will be on this machine. Elsewhere data and devices may be others, and only the names
            and the keywords of the builders are checked.
    """
    keys = [(_data_key(config), _parts_key(config), _key(config.plain, _REPEATED)) for config in configs]
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    rehearsal, found = _Rehearsal(), {}
    with showing(configs[0].tracker.console if configs else "none"):
        for key in tracked(sorted(first), "checking the jobs"):  # what shares its parts comes one after the other
            check = rehearsal if here else check_builders
            try:
                check(configs[first[key]])
                found[key] = None
            except UserError as error:
                found[key] = Misfit(str(error))
            except Exception as error:
                reason = str(error).strip().partition("\n")[0]
                found[key] = Misfit(f"{type(error).__name__}: {reason}", "".join(format_exception(error)))
    return [found[key] for key in keys]


class _Rehearsal:
    """Builds the parts of a config as a run does; keeps the latest ones for the next config that has the same."""

    def __init__(self) -> None:
        self._data: tuple[str, Data | Exception] | None = None
        self._parts: tuple[str, Experiment | Exception] | None = None

    def __call__(self, config: Config) -> None:
        """Check a config as far as that can be done without training.

        Raises:
            UserError: it does not fit the builders, the data or this machine.
            Exception: what a builder raises.
        """
        if config.lesson is not None:
            lesson_of(config)
        group = ProcessGroup()
        group.size = max(1, to_start(config))
        device = build_device(config)
        check_cuda_graphs(config.device.cuda_graphs, device)
        builders = check_builders(config)
        parts = self._of(config, builders)
        horizon = build_horizon(config, parts.data)
        experiment = replace(
            parts,
            config=config,
            builders=builders,
            horizon=horizon,
            schedule=builders.schedule(horizon),
            device_settings=build_device_settings(config, parts.spec, parts.model, device),
            process_group=group,
        )
        check_settings(experiment)
        check_sizes(experiment)
        build_optimizer(experiment)
        Frozen(experiment.model, config.groups, horizon)

    def _of(self, config: Config, builders: Builders) -> Experiment:
        key = _parts_key(config)
        if self._parts is None or self._parts[0] != key:
            self._parts = None  # no two models at a time
            self._parts = key, _tried(lambda: self._build(config, self._load(config, builders)))
        return _result(self._parts[1])

    def _load(self, config: Config, builders: Builders) -> Data:
        key = _data_key(config)
        if self._data is None or self._data[0] != key:
            self._data = None
            self._data = key, _tried(lambda: build_data(config, builders, load=False))
        return _result(self._data[1])

    def _build(self, config: Config, data: Data) -> Experiment:
        experiment = build_experiment(config, data=data)
        check_parts(experiment)
        return experiment


def _tried(build: Any) -> Any:
    try:
        return build()
    except Exception as error:
        return error


def _result(found: Any) -> Any:
    if isinstance(found, Exception):
        raise found
    return found


def _data_key(config: Config) -> str:
    plain = {name: config.plain[name] for name in _OF_DATA if name in config.plain}
    return _key(plain, (*_REPEATED, *_AROUND))


def _parts_key(config: Config) -> str:
    regularization = config.plain["regularization"]
    kept = {name: regularization[name] for name in _OF_PARTS if name in regularization}
    return _key({**config.plain, "regularization": kept}, (*_REPEATED, *_AROUND))


def _key(plain: Mapping[str, Any], left_out: Sequence[str]) -> str:
    """The config as a text, without some dotted keys."""
    kept = {
        name: {key: one for key, one in value.items() if f"{name}.{key}" not in left_out}
        if isinstance(value, Mapping)
        else value
        for name, value in plain.items()
        if name not in left_out
    }
    return json.dumps(kept, sort_keys=True, default=str)
