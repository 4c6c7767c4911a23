"""Whether a run that is looked at again leaves the same damaged files of its data out."""

from pathlib import Path

from dl_runner.data.dataset import Data
from dl_runner.data.picture_files import listed
from dl_runner.errors import UserError
from dl_runner.tracking.run_folder import RunRecord


def check_left_out(folder: Path, data: Data) -> None:
    """Compare the data's damaged files with those that run.json names.

    Raises:
        UserError: a file has been damaged or repaired since.
    """
    before, now = set(RunRecord.load(folder)["left_out"] or {}), set(data.left_out)
    changes = {"damaged since": now - before, "damaged and left out then, and not now": before - now}
    for change, names in changes.items():
        if names:
            raise UserError(
                f"{folder}: the data have changed since the run began ({change}: {listed(sorted(names))}); "
                "restore the files as they were"
            )
