"""What an experiment brings along that only a sweep as a whole has: values to sweep, a launcher, settings of a search.

It is honoured where one experiment is the sweep (`dlrun -m experiment=NAME`), and refused everywhere else, where it
would be ignored. Imports no torch.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from dl_runner.config.overrides import key_of
from dl_runner.config.search_path import CONF, command_line
from dl_runner.config.stored import unresolved
from dl_runner.config.yaml_file import read_yaml
from dl_runner.errors import UserError

_PLACES = ("hydra.sweeper", "hydra.launcher", "sweep")
_OF_ONE_JOB = {"name", "job"}  # of `sweep`: the sweep sets them itself for each of its jobs
_SWEEPS_OWN = re.compile(r"(hydra[./](launcher|sweeper)|sweep)([./]|$)")
_BRINGING = ("experiment", "debug")


def check_job(composed: Any, whole: Any, job: Sequence[str], compose: Callable[[list[str]], Any]) -> None:
    """Check that a job of a sweep has nothing of its own that the sweep as a whole does not have.

    Args:
        composed: the job's config, with Hydra's section.
        whole: the sweep's.
        job: the job's KEY=VALUE.
        compose: other KEY=VALUE → their config, to find out which one it is from.

    Raises:
        UserError: it has; names the KEY=VALUE that brings it.
    """
    for place in _PLACES:
        ours, of_sweep = unresolved(composed, place), unresolved(whole, place)
        for key in sorted({*ours, *of_sweep} - _OF_ONE_JOB):
            if ours.get(key) != of_sweep.get(key):
                alone = (one for one in job if _section_of(one, place, compose).get(key) == ours.get(key))
                source = next(alone, next((one for one in job if key_of(one) in _BRINGING), "a job"))
                raise UserError(
                    f"{source}: brings {_shown(composed, place, key, ours.get(key))} of its own, which one job of a "
                    f"sweep cannot have; make it a sweep of its own: {command_line(['-m', *job])}"
                )


def _section_of(override: str, place: str, compose: Callable[[list[str]], Any]) -> dict[str, Any]:
    """What a section is with one override alone; {} where that does not compose, since it needs others."""
    try:
        return unresolved(compose([override]), place)
    except Exception:  # Hydra raises many kinds
        return {}


def check_single(composed: Any, hydra: Any, arguments: Sequence[str]) -> None:
    """Check that a single run has nothing that only a sweep has.

    Args:
        composed: its config.
        hydra: Hydra's section of it.
        arguments: of the command line.

    Raises:
        UserError: it has; names the command that runs the sweep.
    """
    for one in arguments:
        if _SWEEPS_OWN.match(key_of(one)):
            raise UserError(f"{one}: only a sweep has this; add -m")
    found = next(_brought(composed, hydra), None)
    if found is not None:
        choices = unresolved(hydra, "runtime.choices")
        source = next((f"{group}={choices[group]}" for group in _BRINGING if choices.get(group)), "this config")
        raise UserError(f"{source}: is a sweep ({found}); run it with: {shlex.join(['dlrun', '-m', *arguments])}")


def _brought(composed: Any, hydra: Any) -> Iterator[str]:
    if params := unresolved(hydra, "sweeper").get("params"):
        yield _values(params)
    if (launcher := unresolved(hydra, "runtime.choices").get("hydra/launcher")) not in (None, "basic"):
        yield f"hydra/launcher={launcher}"
    usual = {**_file("_base"), **_file("grid")}
    for key, value in unresolved(composed, "sweep").items():
        if key not in _OF_ONE_JOB and value != usual.get(key):
            yield f"sweep.{key}={value}"


def _shown(composed: Any, place: str, key: str, value: Any) -> str:
    if key == "params":
        return _values(value or {})
    group = place.replace(".", "/")
    if key == "_target_":
        return f"{group}={unresolved(composed, 'hydra.runtime.choices').get(group)}"
    return f"{place}.{key}={value}"


def _file(name: str) -> Mapping[str, Any]:
    return read_yaml(CONF / "sweep" / f"{name}.yaml")[0]


def _values(params: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in params.items())
