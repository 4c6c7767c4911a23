"""How runs were computed: what a reader must know when that differs, since it moves the numbers, too."""

from collections.abc import Iterable
from typing import Any

from dl_runner.report.compare.rows import Row, differing
from dl_runner.report.compare.runs import COMPUTED


def differences(rows: Iterable[Row]) -> list[str]:
    """A line that names in what of `COMPUTED` the runs differ where no column of the table shows it; [] without any."""
    rows = list(rows)
    shown = set(differing(rows))
    found = {}
    for key in COMPUTED:
        values = {_kind(key, run.facts.get(key)) for row in rows for run in row.runs} - {None}
        if len(values) > 1 and not shown & {f"device.{key}", f"{key}.name", f"{key}.devices"}:
            found[key] = ", ".join(sorted(map(str, values), key=lambda text: (len(text), text)))
    if not found:
        return []
    told = ", ".join(f"{key} ({values})" for key, values in found.items())
    options = f"{'--no-fold ' if any(len(row.runs) > 1 for row in rows) else ''}--columns run,{','.join(found)}"
    return [f"warning: not all computed in the same way: {told}; {options} shows which"]


def _kind(key: str, value: Any) -> Any:
    return value.partition(":")[0] if key == "device" and isinstance(value, str) else value  # one GPU is like another
