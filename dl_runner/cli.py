"""The command line: a first argument that is a verb picks a command, anything else is a Hydra command line.

Exit codes: 0 success, 1 a failed run, 2 the user's mistake, 128 + N stopped by signal N. Imports no torch; a verb
imports what it needs.
"""

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import dl_runner
from dl_runner.errors import Interrupted, RunFailed, UserError


@dataclass
class _Jobs:
    """What became of the jobs of one command line. A failure is kept here and not raised through Hydra, which would
    print its own lines about it and leave the remaining jobs of a sweep undone."""

    started: int = 0
    failures: list[tuple[str, UserError | RunFailed]] = field(default_factory=list)


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
    jobs = _Jobs()
    try:
        hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")(partial(_job, jobs))()
    except (HydraException, OmegaConfBaseException, OSError) as error:
        overrides = [argument for argument in argv if "=" in argument and not argument.startswith("-")]
        raise UserError(explain(error, overrides, config_dir_of(argv))) from None
    except Exception as error:
        if jobs.started:
            raise
        # Hydra meets some malformed values, such as a list for a group, with whatever Python raises.
        raise UserError(f"the command line cannot be composed ({type(error).__name__}: {error})") from None
    if len(jobs.failures) == 1 and jobs.started == 1:
        raise jobs.failures[0][1]
    if jobs.failures:
        lines = "".join(f"\n  {job}: {error}" for job, error in jobs.failures)
        hopeless = len(jobs.failures) == jobs.started and all(
            isinstance(error, UserError) for _, error in jobs.failures
        )
        kind = UserError if hopeless else RunFailed
        raise kind(f"{len(jobs.failures)} of {jobs.started} jobs failed:{lines}")


def _job(jobs: _Jobs, composed: Any) -> float | None:
    """One run; what a sweeper gets back is the best value of the metric that chose the weights, None without one."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from dl_runner import config

    hydra = HydraConfig.get()
    jobs.started += 1
    job = None
    try:
        checked = config.check(config.to_plain(composed))
        parent, name = checked.outputs / checked.data.name / checked.model.name, _timestamp()
        if hydra.mode == RunMode.MULTIRUN:
            job = f"{hydra.job.num}: {hydra.job.override_dirname or 'the default'}"
            parent, name = Path(hydra.sweep.dir), re.sub(r"[^\w=.,+-]+", "_", job.replace(": ", "_"))[:120]
        from dl_runner.run import launch

        return launch(checked, parent, name, job).objective
    except (UserError, RunFailed) as error:
        jobs.failures.append((job or "job", error))
        if job:
            print(f"dlrun: job {job}: {error}", file=sys.stderr)
        return None


def _timestamp() -> str:
    return datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
