"""What run.json says of the data, and whether they are still the same when a run goes on, is measured or asked."""

import logging
from pathlib import Path
from typing import Any

from dl_runner.data.dataset import Data
from dl_runner.data.fingerprint import content_changes, fingerprints, spec_changes
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec
from dl_runner.tracking.run_folder import RECORD, RunRecord
from dl_runner.training.checkpoint import read_spec

_log = logging.getLogger("dl_runner")


def data_on_record(data: Data) -> dict[str, Any]:
    """The fields of run.json about the data.

    Raises:
        UserError: a file of the data cannot be read.
    """
    return {"data": data.spec.to_dict(), "data_fingerprint": fingerprints(data)}


def spec_on_record(record: RunRecord) -> DataSpec | None:
    """The kinds of data that a run was trained on; None where its record does not say.

    Raises:
        UserError: the record is damaged.
    """
    if record["data"] is None:
        return None
    try:
        return DataSpec.from_dict(record["data"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{record.folder / RECORD}: damaged, its data are no data ({error})") from None


def check_unchanged(record: RunRecord, data: Data) -> None:
    """Check that a run can go on with the data as they are now.

    Raises:
        UserError: they are not those that it began with; the message says what differs.
    """
    spec = spec_on_record(record)
    changed = spec_changes(spec, data.spec) if spec else []
    if changed := changed or content_changes(record["data_fingerprint"] or {}, data):
        raise UserError(
            f"{record.folder}: the data have changed since the run began, so it cannot go on exactly: "
            f"{'; '.join(changed)}; put them back, or start it anew"
        )
    if not record["data_fingerprint"]:
        _log.warning("an earlier version began this run: whether its data are unchanged cannot be told")


def check_spec(weights: Path, spec: DataSpec, remedy: str) -> None:
    """Check that weights were trained on such data: the names and the order of classes are what their outputs mean.

    Args:
        remedy: ends the message.

    Raises:
        UserError: they were not, or the file is none of ours.
    """
    if changed := spec_changes(read_spec(weights), spec):
        raise UserError(f"{weights}: was trained on other data: {'; '.join(changed)}; {remedy}")
