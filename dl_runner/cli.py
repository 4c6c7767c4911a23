"""The command line: a first argument that is a verb picks a command, anything else is a Hydra command line.

Exit codes: 0 success, 1 a failed run, 2 the user's mistake, 128 + N stopped by signal N. Imports no torch; a verb
imports what it needs.
"""

import os
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import dl_runner
from dl_runner.errors import Interrupted, RunFailed, UserError

_failures: list[tuple[str, Exception]] = []  # of the jobs of a multirun


def main(argv: Sequence[str] | None = None) -> None:
    """The console command `dlrun`; exits the process."""
    sys.exit(run(list(sys.argv[1:] if argv is None else argv)))


def run(argv: list[str]) -> int:
    """Carry out one command line.

    Returns:
        The exit code.
    """
    from dl_runner import commands

    try:
        if argv and argv[0] in commands.VERBS:
            commands.VERBS[argv[0]](argv[1:])
        elif argv and argv[0] in ("-h", "--help", "help"):
            print(commands.help_text())
        elif argv and argv[0] in ("-V", "--version"):
            print(f"dlrun {dl_runner.__version__}")
        else:
            train(argv)
    except UserError as error:
        return _say(error, 2)
    except RunFailed as error:
        return _say(error, 1)
    except Interrupted as stop:
        return _say(stop, 128 + stop.signal_number)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `dlrun list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _say(error: BaseException, code: int) -> int:
    print(f"dlrun: {error}", file=sys.stderr)
    return code


def train(argv: list[str]) -> None:
    """Run a Hydra command line: one experiment, or with -m a sweep of them.

    Raises:
        UserError: something in the command line does not fit.
        RunFailed: a run broke.
        Interrupted: it was asked to stop.
    """
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from dl_runner.compose import CONF, config_dir_of, explain

    # Hydra then raises its errors instead of printing them, so that they come out as one line like all others.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = ["dlrun", *argv]
    _failures.clear()
    try:
        hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")(_job)()
    except (UserError, RunFailed):
        if not _failures:
            raise
    except (HydraException, OmegaConfBaseException, OSError) as error:
        overrides = [argument for argument in argv if "=" in argument and not argument.startswith("-")]
        raise UserError(explain(error, overrides, config_dir_of(argv))) from None
    if _failures:
        lines = "".join(f"\n  {job}: {error}" for job, error in _failures)
        kind = UserError if all(isinstance(error, UserError) for _, error in _failures) else RunFailed
        raise kind(f"{len(_failures)} of the sweep's jobs failed:{lines}")


def _job(composed: Any) -> float | None:
    """One run; what a sweeper gets back is the metric that chose the best weights, None without one."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from dl_runner import config

    hydra = HydraConfig.get()
    if hydra.mode != RunMode.MULTIRUN:
        checked = config.check(config.to_plain(composed))
        _launch(checked, checked.outputs / checked.data.name / checked.model.name, _timestamp(), None)
        return None
    label = hydra.job.override_dirname or "defaults"
    try:
        checked = config.check(config.to_plain(composed))
        name = re.sub(r"[^\w=.,+-]+", "_", f"{hydra.job.num}_{label}")[:120]
        return _launch(checked, Path(hydra.sweep.dir), name, f"{hydra.job.num}: {label}")
    except (UserError, RunFailed) as error:
        print(f"dlrun: job {hydra.job.num} ({label}): {error}", file=sys.stderr)
        _failures.append((f"{hydra.job.num} ({label})", error))
        raise


def _launch(checked: Any, parent: Path, name: str, job: str | None) -> float | None:
    from dl_runner.run import launch

    return launch(checked, parent, name, job).objective


def _timestamp() -> str:
    return datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
