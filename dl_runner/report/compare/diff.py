"""In which keys two configs differ."""

from pathlib import Path

from dl_runner.config.stored import CONFIG
from dl_runner.report.compare.runs import read_config
from dl_runner.report.compare.table import Column
from dl_runner.tracking.hyperparameters import flatten

MISSING = "—"


def diff(first: Path, second: Path) -> list[Column]:
    """The keys that differ, with both values; '—' where a config has no such key.

    Args:
        first: a run folder, or a config file.
        second: likewise.

    Raises:
        UserError: there is no config to read.
    """
    ours, theirs = (flatten(read_config(path / CONFIG if path.is_dir() else path)) for path in (first, second))
    keys = [key for key in dict.fromkeys([*ours, *theirs]) if repr(ours.get(key)) != repr(theirs.get(key))]
    names = (str(first), str(second))
    return [
        Column("key", keys, numeric=False),
        *(
            Column(name, [_text(values.get(key)) for key in keys], numeric=False, title=name)
            for name, values in zip(names, (ours, theirs), strict=True)
        ),
    ]


def _text(value: object) -> str:
    if value is None:
        return MISSING
    return str(value).lower() if isinstance(value, bool) else str(value)
