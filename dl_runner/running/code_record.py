"""Whether the code of a run's plugins is still that with which the run began. Imports no torch."""

import shlex
from pathlib import Path

from dl_runner.errors import UserError
from dl_runner.plugins import changed_code, code_of
from dl_runner.tracking.plugin_code import CODE
from dl_runner.tracking.run_folder import RunRecord


def code_changes(folder: Path) -> str | None:
    """How the code differs from that of the run's beginning, in words; None if it does not, or if the run does not say.

    Raises:
        UserError: the record is damaged.
    """
    before = RunRecord.load(folder)["plugins"]
    change = changed_code(before, code_of(list(before))) if before else None
    return f"{change} since the run began" if change else None


def check_code(folder: Path) -> None:
    """Check that a run can go on with the code as it is now.

    Raises:
        UserError: it is another one.
    """
    if change := code_changes(folder):
        anyway = shlex.join(["dlrun", "resume", str(folder), "--changed-code"])
        raise UserError(
            f"{folder}: {change}, so it cannot go on exactly; the code of then is in {folder / CODE}, put it back; or "
            f"go on with the code as it is now: {anyway}"
        )


def told_of_code(folder: Path) -> list[str]:
    """What a reader of a run's answers must know of its code, a line each."""
    change = code_changes(folder)
    return [f"{change}; this is of the code as it is now, and {folder / CODE} has that of then"] if change else []
