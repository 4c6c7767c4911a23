"""The runs below a folder as a table."""

import warnings
from pathlib import Path
from typing import Any

from dl_runner.config.paths import default_outputs
from dl_runner.report.compare.runs import load_all


def runs(*folders: str | Path) -> list[dict[str, Any]]:
    """The runs at or below some folders, a row for each: `pandas.DataFrame(dl_runner.runs("outputs"))`.

    Args:
        folders: outputs, or $DLRUN_OUTPUT_DIR, if left out.

    Returns:
        Rows with the same keys, None where a run has no such value: run (its folder), status, seconds, steps,
        parameters, start (ISO 8601, UTC), device; each hyperparameter, such as optimizer.lr; each final metric, such as
        test/accuracy. Lessons are left out, their trainings are runs.

    Warns:
        Of each folder that could not be read.

    Raises:
        UserError: no such folder.
    """
    found, problems = load_all([Path(one) for one in folders] or [default_outputs()])
    for problem in problems:
        warnings.warn(problem, stacklevel=2)
    rows = [{**one.facts, **one.hyperparameters, **one.metrics} for one in found]
    keys = dict.fromkeys(key for row in rows for key in row)
    return [{key: row.get(key) for key in keys} for row in rows]
