"""What ${NAME:ARGUMENTS} may name in a config, apart from OmegaConf's own. Imports no torch.

None of them is null for a word that it does not know: many keys may be null, and a misspelt word would give them that
meaning.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, InterpolationResolutionError

_ABSENT = object()


def _register(name: str, takes: str, count: int, function: Callable[..., Any]) -> None:
    def resolve(*given: Any) -> Any:
        if len(given) != count:
            raise InterpolationResolutionError(f"${{{name}:…}} takes {takes}; it has {len(given)} arguments")
        return function(*given)

    OmegaConf.register_new_resolver(name, resolve, replace=True)


def _expanduser(path: Any) -> str:
    if not isinstance(path, str):
        raise InterpolationResolutionError(f"${{expanduser:PATH}}: expected a path, not {path}")
    return os.path.expanduser(path)  # noqa: PTH111 (a ~name of nobody stays as it is)


# `epochs: ${unless:${.steps},10}` is 10 unless steps are given: a length in steps needs no epochs=null beside it.
_register(
    "unless",
    "a key and a value, as in ${unless:${.steps},10}",
    2,
    lambda other, value: value if other is None else None,
)
_register("expanduser", "a path, ${expanduser:PATH}", 1, _expanduser)


def _hydra(key: Any) -> Any:
    from hydra.core.hydra_config import HydraConfig

    values = HydraConfig.instance().cfg
    if values is None:
        raise InterpolationResolutionError(f"${{hydra:{key}}}: there is no section of Hydra's here")
    found = OmegaConf.select(values.hydra, str(key), default=_ABSENT)
    if found is not _ABSENT:
        return found
    *above, last = str(key).rsplit(".", 1)
    section = OmegaConf.select(values.hydra, *above) if above else values.hydra
    if isinstance(section, DictConfig) and last in list(section):  # it is ???
        raise InterpolationResolutionError(f"${{hydra:{key}}} has no value in this run")
    raise InterpolationKeyError(f"Interpolation key 'hydra:{key}' not found")


def _python_version(*level: Any) -> str:
    count = {"major": 1, "minor": 2, "micro": 3}.get(str(*level) or "minor") if len(level) < 2 else None
    if count is None:
        raise InterpolationResolutionError("${python_version:LEVEL}: expected major, minor or micro")
    return ".".join(map(str, sys.version_info[:count]))


@contextmanager
def hydra_values(composed: DictConfig) -> Iterator[None]:
    """Meanwhile ${hydra:KEY} is Hydra's section of this config, if it has one, as it is inside a run.

    Inside it and from then on a KEY that is not there is an error; Hydra's own resolver would make null of it.
    """
    _register("hydra", "a key, ${hydra:KEY}", 1, _hydra)  # anew each time, since Hydra puts back its own
    OmegaConf.register_new_resolver("python_version", _python_version, replace=True)
    if "hydra" not in composed:
        yield
        return
    from hydra.core.hydra_config import HydraConfig

    holder = HydraConfig.instance()
    before, holder.cfg = holder.cfg, None
    try:
        holder.set_config(composed)
        yield
    finally:
        holder.cfg = before
