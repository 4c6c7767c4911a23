"""The command line: a first argument that is a verb picks a command, anything else is a Hydra command line.

Exit codes: 0 success, 1 a failed run, 2 the user's mistake, 128 + N stopped by signal N. Imports no torch; a verb
imports what it needs.
"""

import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import dl_runner
from dl_runner.errors import Interrupted, RunFailed, UserError, hint


@dataclass
class _Jobs:
    """What became of the jobs of one command line. A failure is kept here and not raised through Hydra, which would
    print its own lines about it and leave the remaining jobs of a sweep undone."""

    started: int = 0
    failures: list[tuple[str, UserError | RunFailed]] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> None:
    """The console command `dlrun`; exits the process."""
    try:
        code = run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:  # a second Ctrl-C while the first one's message was being printed
        code = 130
    # Nothing is left to stop: a Ctrl-C during the interpreter's own end would replace the exit code by a death.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


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
    from dl_runner import commands

    if argv and "=" not in argv[0] and argv[0][0] not in "-+~":
        raise UserError(f"{argv[0]}: no such command{hint(argv[0], commands.VERBS)}; a run takes KEY=VALUE arguments")

    import hydra

    from dl_runner import config  # noqa: F401  the configs use its resolvers
    from dl_runner.compose import CONF, config_dir_of, explain

    # Hydra then raises its errors instead of printing them, so that they come out as one line like all others.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = ["dlrun", *argv]
    jobs = _Jobs()
    try:
        hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")(partial(_job, jobs))()
    except Exception as error:
        if jobs.started:
            raise
        overrides = [argument for argument in argv if "=" in argument and not argument.startswith("-")]
        raise UserError(explain(error, overrides, config_dir_of(argv))) from None
    if jobs.started == 1 and jobs.failures:
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
    sweep = hydra.mode == RunMode.MULTIRUN
    job = f"{hydra.job.num}: {_swept(hydra.overrides.task)}" if sweep else None
    try:
        checked = config.check(config.to_plain(composed))
        if sweep:
            parent, name = Path(hydra.sweep.dir), re.sub(r"[^\w=.,+-]+", "_", job.replace(": ", "_"))[:120]
        else:
            part = checked.lesson or checked.model
            parent = checked.outputs / ("lessons" if checked.lesson else checked.data.name) / part.name
            name = _timestamp()
        if checked.lesson is not None:
            from dl_runner.lessons.study import teach

            teach(checked, parent, name)
            return None
        from dl_runner.run import launch

        return launch(checked, parent, name, job).objective
    except Exception as error:
        if not isinstance(error, UserError | RunFailed):
            # Not foreseen: a plugin's mistake or ours, before the run folder exists to hold its traceback.
            traceback.print_exc()
            error = RunFailed(f"{type(error).__name__}: {error}")
        jobs.failures.append((job or "the run", error))
        if job:
            print(f"dlrun: job {job}: {error}", file=sys.stderr)
        return None


def _swept(overrides: Sequence[str]) -> str:
    """Of a job's KEY=VALUE overrides those that the sweep varies, for its name."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    given = [argument for argument in sys.argv[1:] if "=" in argument and not argument.startswith("-")]
    varied = {one.key_or_group for one in OverridesParser.create().parse_overrides(given) if one.is_sweep_override()}
    names = [override for override in overrides if override.lstrip("+").partition("=")[0] in varied]
    return ",".join(names or overrides) or "the default"


def _timestamp() -> str:
    return datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
