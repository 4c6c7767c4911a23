"""dlrun check: what is wrong with the files of a data set, before a training meets it."""

import os
from collections import Counter
from pathlib import Path

from dl_runner.cli.options import composed, parser_of
from dl_runner.errors import RunFailed


def check(argv: list[str]) -> None:
    """dlrun check KEY=VALUE…: every damaged, duplicate or odd file of a data set, also those in both train and test.

    Raises:
        RunFailed: something was found.
    """
    parser = parser_of(
        "check",
        "List the damaged, duplicate and odd files of the data that KEY=VALUE… would train on.",
        composes=True,
        settings=True,
    )
    given = parser.parse_intermixed_args(argv)
    checked = composed(given)
    from dl_runner.build.builders import check_builders
    from dl_runner.build.data import build_data
    from dl_runner.data.inspection import Finding, inspect
    from dl_runner.data.splits import FileSplit
    from dl_runner.runtime.progress import showing

    data = build_data(checked, check_builders(checked), load=False)
    found = {name: getattr(data, name) for name in ("train", "validation", "test") if getattr(data, name) is not None}
    counted = ", ".join(f"{len(split):,} {name}" for name, split in found.items())
    files = {name: split for name, split in found.items() if isinstance(split, FileSplit)}
    for note in data.notes:
        print(f"note: {note}")
    if not files:
        print(f"data={checked.data.name}: {counted} examples, loaded well; they have no files of their own to check")
        return
    with showing(checked.tracker.console):
        findings = inspect(files, data.spec.classes)
    folder = Path(os.path.commonpath([path.parent for split in files.values() for path in split.paths]))
    findings += [Finding("left out", Path(name), why) for name, why in {**data.unused, **data.left_out}.items()]
    for finding in findings:
        print(f"{finding.kind}: {_short(str(finding.path), folder)}: {_short(finding.text, folder)}")
    kinds = Counter(finding.kind for finding in findings)
    print(f"{folder}: {counted} pictures of {len(data.spec.classes):,} classes")
    if findings:
        raise RunFailed(f"check: found {', '.join(f'{count:,} {kind}' for kind, count in kinds.items())}")
    print("nothing damaged, odd or twice")


def _short(text: str, folder: Path) -> str:
    """Without the folder that all files lie in."""
    return text.replace(f"{folder}{os.sep}", "")
