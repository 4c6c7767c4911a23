"""Starting runs and sweeps from Python."""

from collections.abc import Sequence
from pathlib import Path

from dl_runner.api.run import Run
from dl_runner.api.surroundings import kept
from dl_runner.cli.app import train
from dl_runner.errors import UserError
from dl_runner.report.compare.runs import find

Folders = str | Path | Sequence[str | Path]


def run(*overrides: str, config_dir: Folders = ()) -> Run:
    """Train one experiment, or hold one lesson: `dlrun OVERRIDES`.

    Args:
        overrides: KEY=VALUE, as on the command line: "model=lenet", "optimizer.lr=0.1", "plugins=[my_models]".
        config_dir: folders of your own with more choices, which come first.

    Returns:
        The completed run.

    Raises:
        UserError: an override that does not fit; no run folder is left behind.
        RunFailed: the run broke; its folder tells why.
        Interrupted: it was asked to stop (Ctrl-C, or the notebook's stop button); `Run(FOLDER).resume()` goes on.
    """
    arguments = _arguments(overrides, config_dir)
    with kept(arguments):
        return Run(train(arguments))


def multirun(*overrides: str, config_dir: Folders = ()) -> list[Run]:
    """Train every combination of the values: `dlrun -m OVERRIDES`. With "sweep.name=NAME" the same call goes on where
    an earlier one stopped.

    Args:
        overrides: KEY=A,B or KEY=VALUE, as on the command line.
        config_dir: as for `run`.

    Returns:
        The completed runs, in the order of the names of their folders.

    Raises:
        UserError, Interrupted: as for `run`.
        RunFailed: a job failed; `runs` of the sweep's folder has the others.
    """
    arguments = ["-m", *_arguments(overrides, config_dir)]
    with kept(arguments):
        folder = train(arguments)
    return [Run(found) for found in find([folder])]


def _arguments(overrides: Sequence[str], config_dir: Folders) -> list[str]:
    """The command line.

    Raises:
        UserError: what is no KEY=VALUE, such as an option, which a function has no use for.
    """
    for one in overrides:
        if not isinstance(one, str) or ("=" not in one and not one.startswith("~")) or one.startswith("-"):
            raise UserError(f'{one!r}: is not KEY=VALUE in quotes, as in dl_runner.run("model=lenet", "seed=1")')
    folders = [config_dir] if isinstance(config_dir, str | Path) else config_dir
    return [*overrides, *(f"--config-dir={folder}" for folder in folders)]
