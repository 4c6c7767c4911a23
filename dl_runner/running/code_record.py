"""Whether the code of a run's plugins is still that with which the run began. Imports no torch."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from dl_runner.errors import UserError
from dl_runner.plugins import changed_code
from dl_runner.tracking.plugin_code import CODE
from dl_runner.tracking.run_folder import RunRecord


def code_changes(folder: Path) -> str | None:
    """How the code differs from that of the run's beginning, in words; None if it does not, or if the run does not say.

    Raises:
        UserError: the record is damaged.
    """
    before = RunRecord.load(folder)["plugins"]
    change = changed_code({name: known["files"] for name, known in (before or {}).items()})
    return f"{change} since the run began" if change else None


def check_code(folder: Path) -> None:
    """Check that a run can go on with the code as it is now.

    Raises:
        UserError: it is another one.
    """
    if change := code_changes(folder):
        anyway = shlex.join(["dlrun", "resume", str(folder), "--changed-code"])
        raise UserError(
            f"{folder}: {change}, so it cannot go on exactly; with the code as it is now: {anyway}; with that of then: "
            f"{_with_copy(['resume', str(folder)], folder)}"
        )


def told_of_code(folder: Path, words: Sequence[str] | None = None) -> list[str]:
    """What a reader of a run's answers must know of its code, a line each.

    Args:
        words: of the command that asks, to be given again with the code of then; None for an evaluation.
    """
    change = code_changes(folder)
    told = "these answers are of the code as it is now; with that of then"
    return [f"{change}; {told}: {_with_copy(words or ['evaluate', str(folder)], folder)}"] if change else []


def _with_copy(words: Sequence[str], folder: Path) -> str:
    """The command that uses the copy of the code in the run folder, which the search for imports comes upon first."""
    names = ",".join(RunRecord.load(folder)["plugins"])
    command = shlex.join(["dlrun", *words, "--plugins", names])
    return f"PYTHONPATH={shlex.quote(str(folder / CODE))} {command}"
