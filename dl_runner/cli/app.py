"""The command line: a first argument that is a verb picks a command, anything else is a Hydra command line.

Exit codes: 0 success, 1 a failed run, 2 the user's mistake, 128 + N stopped by signal N. Imports no torch; a verb
imports what it needs.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dl_runner
from dl_runner.errors import Interrupted, RunFailed, UserError, hint
from dl_runner.runtime.home import ensure_home
from dl_runner.runtime.interrupt import STOP_SIGNALS
from dl_runner.runtime.streams import HANDLER, take_any_text
from dl_runner.runtime.waiting import set_wait_policy


@dataclass
class _Single:
    """What became of a single run. A failure is kept here and not raised through Hydra, which would print its own
    lines about it."""

    started: bool = False
    failure: UserError | RunFailed | None = None


def main(argv: Sequence[str] | None = None) -> None:
    """The console command `dlrun`; exits the process."""
    set_wait_policy()
    take_any_text()
    ensure_home()
    try:
        code = run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:  # a second Ctrl-C while the first one's message was being printed
        code = 130
    # Nothing is left to stop: a signal during the interpreter's own end would replace the exit code by a death.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


def run(argv: list[str]) -> int:
    """Carry out one command line.

    Returns:
        The exit code.
    """
    from dl_runner.cli import verbs
    from dl_runner.config.paths import asked_root

    try:
        if argv and (found := verbs.find(argv)):
            verb, arguments = found
            verbs.VERBS[verb](arguments)
        elif argv[:1] == ["help"] and argv[1:2] and argv[1] in verbs.VERBS:
            verbs.VERBS[argv[1]](["--help"])
        elif argv[:1] == ["help"] or {"-h", "--help"} & set(argv):
            print(verbs.help_text())
        elif {"-V", "--version"} & set(argv):
            print(f"dlrun {dl_runner.__version__}")
        else:
            train(argv)
    except UserError as error:
        return _say(_advised(error, argv), 2)
    except RunFailed as error:
        return _say(error, 1)
    except Interrupted as stop:
        return _say(stop, 128 + stop.signal_number)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `dlrun list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    finally:
        asked_root.set(None)  # of this line alone
    return 0


def _advised(error: UserError, argv: list[str]) -> UserError:
    """The error, or the line that was meant where the command line says nearly what can be run."""
    from dl_runner.cli import verbs

    try:
        found = verbs.find(argv)
        if found and found[0] not in verbs.COMPOSING:
            return error
        from dl_runner.config.hints.advice import advise

        told = advise(found[1], found[0]) if found else advise(argv, commands=verbs.VERBS)
    except Exception:  # a hint that fails must not hide the error that it was asked about
        return error
    return UserError(told) if told else error


def _say(error: BaseException, code: int) -> int:
    encoding = sys.stderr.encoding or "utf-8"  # an argument may hold what this terminal, or UTF-8, cannot
    print(f"dlrun: {error}".encode(encoding, HANDLER).decode(encoding), file=sys.stderr)
    return code


def train(argv: list[str]) -> Path | None:
    """Run a Hydra command line: one experiment, or with -m a sweep of them.

    Returns:
        The folder of the run or the sweep; None if the command line asks for neither, such as --cfg.

    Raises:
        UserError: something in the command line does not fit.
        RunFailed: a run broke.
        Interrupted: it was asked to stop.
    """
    from dl_runner.cli import verbs

    if argv and argv[0] and "=" not in argv[0] and argv[0][0] not in "-+~":
        raise UserError(f"{argv[0]}: no such command{hint(argv[0], verbs.VERBS)}; a run takes KEY=VALUE arguments")

    import hydra

    from dl_runner.config.compose import compose, composing_failed
    from dl_runner.config.line import read_line
    from dl_runner.config.search_path import CONF
    from dl_runner.config.stored import check_interpolations, to_plain

    line = read_line(argv)
    for key, given in line.repeated().items():
        print(f"dlrun: note: {' '.join(given)}: {key} is there more than once; the last one counts", file=sys.stderr)
    # Hydra then raises its errors instead of printing them, so that they come out as one line like all others.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    single = _Single()
    if "--resolve" in line.options and not any(one.startswith("--config-name") for one in line.options):
        # Hydra itself would show null for a ${hydra:KEY} that does not exist.
        check_interpolations(compose(line.overrides, line.folders))
    # Wherever a launcher takes the task, a function of `config` brings along the resolvers that the configs use.
    task = partial(_job, single, argv, to_plain)
    try:
        with line.active():
            sys.argv = ["dlrun", *line.for_hydra]
            hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")(task)()
    except (UserError, RunFailed):  # a sweep's
        raise
    except Exception as error:
        if single.started:
            raise
        raise composing_failed(error, line.overrides, line.folders, line.config_name) from None
    finally:
        sys.argv = ["dlrun", *argv]
    if single.failure:
        raise single.failure
    return line.made[0] if line.made else None


def _job(single: _Single, argv: list[str], to_plain: Callable[[Any], dict[str, Any]], composed: Any) -> Any:
    """One run, for Hydra; of a sweep, what became of the job."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from dl_runner.config.check import check_command
    from dl_runner.config.line import active_line
    from dl_runner.config.stored import sweep_section, to_plain

    take_any_text()  # this may be a launcher's process
    hydra = HydraConfig.get()
    sys.argv = ["dlrun", *argv]  # not those for Hydra; and this may be a launcher's process
    if hydra.mode == RunMode.MULTIRUN:
        from dl_runner.sweep.job import perform

        return perform(to_plain(composed), sweep_section(composed), Path(hydra.sweep.dir))
    from dl_runner.sweep.brought import check_single

    single.started = True
    try:
        check_single(composed, hydra, argv)
        checked = check_command(to_plain(composed))
        from dl_runner.running.start import start

        folder = start(checked)
        if (line := active_line()) is not None:
            line.made.append(folder)
    except (UserError, RunFailed) as error:
        single.failure = error
    except Exception as error:
        # Not foreseen: a plugin's mistake or ours, before the run folder exists to hold its traceback.
        traceback.print_exc()
        single.failure = RunFailed(f"{type(error).__name__}: {error}")
