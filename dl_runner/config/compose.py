"""Hydra at the edge: composing the config of a command line without running it. Imports no torch."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from omegaconf import DictConfig

from dl_runner.config.explain import explain
from dl_runner.config.overrides import read_overrides
from dl_runner.config.search_path import CONF, searching
from dl_runner.errors import UserError


def compose(given: Iterable[str], folders: Sequence[Path] = (), name: str = "config") -> DictConfig:
    """The config that `dlrun OVERRIDES` would run, without running it; with Hydra's own section.

    Args:
        given: the overrides.
        folders: of the user's own configs, which come before the package's.
        name: of the config as a whole, as --config-name has it.

    Raises:
        UserError: an override that does not fit.
    """
    overrides, folders = read_overrides(given, folders)
    try:
        return _composed(overrides, folders, name)
    except UserError:
        raise
    except Exception as error:
        raise composing_failed(error, overrides, folders, name) from None


def _composed(overrides: list[str], folders: Sequence[Path], name: str) -> DictConfig:
    """The same with the errors that Hydra raises."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    with searching(folders), initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra_compose(name, overrides, return_hydra_config=True)


def composing_failed(
    error: Exception, overrides: Sequence[str], folders: Sequence[Path], name: str = "config"
) -> UserError:
    """What Hydra raised while composing, for the user; `compose` has the arguments."""
    return UserError(explain(error, overrides, folders, partial(_composed, folders=folders, name=name)))
