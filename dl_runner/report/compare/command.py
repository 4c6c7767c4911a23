"""What `dlrun compare` does, from its options to what it prints and writes."""

import argparse
import base64
import sys
from collections.abc import Sequence
from pathlib import Path

from dl_runner.config.paths import default_outputs, shown
from dl_runner.errors import UserError
from dl_runner.report.compare import output, table
from dl_runner.report.compare.computed import differences
from dl_runner.report.compare.diff import diff
from dl_runner.report.compare.rows import Row, fold, known_keys, main_metric, resolve
from dl_runner.report.compare.runs import Run, load_all
from dl_runner.report.compare.selection import Condition, sort
from dl_runner.runtime.files import write_atomic

MOST_FAILURES = 5


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command line."""
    parser.add_argument("folders", type=Path, nargs="*", metavar="DIR", help="run folders, or folders that hold some")
    parser.add_argument("--sort", metavar="KEY", help="best first by KEY; -KEY or --reverse for worst first")
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="only such runs; also !=, <, <=, >, >=",
    )
    parser.add_argument(
        "--tag", action="append", default=[], metavar="TAG", help="only runs with tags=[TAG]; all of several"
    )
    parser.add_argument("--columns", metavar="KEY,…", help="these columns, such as model,lr,best/validation/accuracy")
    parser.add_argument("--no-fold", action="store_true", help="a row for each run, not one for all seeds and folds")
    parser.add_argument("--diff", type=Path, nargs=2, metavar=("A", "B"), help="the keys in which two configs differ")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="print a Markdown table")
    form.add_argument("--latex", action="store_true", help="print a table for LaTeX, with booktabs")
    form.add_argument("--csv", action="store_true", help="print comma-separated values with all digits")
    parser.add_argument("--png", type=Path, metavar="FILE", help="draw learning curves and hyperparameters")
    parser.add_argument("--html", type=Path, metavar="FILE", help="the table and the picture as one page")


def join_sort(argv: Sequence[str]) -> list[str]:
    """`--sort -KEY` as `--sort=-KEY`, since an option's value must not look like an option."""
    joined: list[str] = []
    for argument in argv:
        if joined and joined[-1] == "--sort":
            joined[-1] = f"--sort={argument}"
        else:
            joined.append(argument)
    return joined


def compare(given: argparse.Namespace) -> None:
    """Print the table, or the difference of two configs, and write what was asked for.

    Raises:
        UserError: a folder without runs, an unknown key, a file that cannot be written.
    """
    if given.diff:
        print_diff(*given.diff, given)
        return
    folders = given.folders or [default_outputs()]
    runs, notes = load_all(folders)
    for note in notes:
        print(f"dlrun: warning: {note}", file=sys.stderr)
    if not runs:
        raise UserError(f"{' '.join(map(str, folders))}: no run folder in it that can be read; start a run first")
    known = known_keys(runs)
    rows, notes = select(runs, known, given)
    keys = table.default_keys(rows)
    expendable = table.least_wanted(keys, rows)
    if given.columns:
        keys = [resolve(word.strip(), known, "--columns") for word in given.columns.split(",") if word.strip()]
        expendable = []
    base = table.common_folder(rows)
    columns = table.columns(rows, keys, base)
    title = f"{_counted(sum(len(row.runs) for row in rows), 'run')} in {shown(base)}{_shared(rows)}"
    if given.csv:
        print(output.to_csv(columns, rows))
    else:
        notes = [title, *print_table(columns, expendable, given), *notes]
    for note in notes:
        print(note, file=sys.stderr if given.csv or given.markdown or given.latex else sys.stdout)
    draw(rows, columns, title, notes, given)


def print_diff(first: Path, second: Path, given: argparse.Namespace) -> None:
    """Prints the keys in which two configs differ."""
    columns = diff(first, second)
    if given.csv:
        print(output.texts_csv(columns))
    elif columns[0].cells:
        print_table(columns, [], given)
    else:
        print("the two configs are the same")


def select(runs: Sequence[Run], known: Sequence[str], given: argparse.Namespace) -> tuple[list[Row], list[str]]:
    """The rows that are wanted, in their order, and what a reader must know about them.

    Raises:
        UserError: an unknown key, or no row is left.
    """
    conditions = [Condition.parse(text, known) for text in given.where]
    of_runs = [condition for condition in conditions if not condition.of_results]
    of_rows = [condition for condition in conditions if condition.of_results]
    runs = [run for run in runs if set(given.tag) <= set((run.facts["tags"] or "").split(", "))]
    if given.tag and not runs:
        raise UserError(
            f"--tag {' '.join(given.tag)}: none of the runs has it; `dlrun compare --columns run,tags` shows them"
        )
    runs = [run for run in runs if all(condition.holds(run.value(condition.key)) for condition in of_runs)]
    rows, repeats = ([Row((run,)) for run in runs], 0) if given.no_fold else fold(runs)
    rows = [row for row in rows if all(condition.holds(row.value(condition.key)) for condition in of_rows)]
    if not rows:
        raise UserError(f"--where {' '.join(given.where)}: none of the runs is like that; leave a condition out")
    key = given.sort.removeprefix("-") if given.sort else main_metric(rows)
    if key:
        key = resolve(key, known, "--sort")
        rows = sort(rows, key, reverse=given.reverse != bool(given.sort and given.sort.startswith("-")))
    notes = differences(rows)
    if repeats:
        notes.append(f"{_counted(repeats, 'run')} left out: done again later, seed and all (--no-fold shows them)")
    failures = [run for row in rows for run in row.runs if run.status == "failed" and run.failure]
    notes += [f"failed: {run.folder}: {run.failure}" for run in failures[:MOST_FAILURES]]
    if len(failures) > MOST_FAILURES:
        notes.append(f"and {len(failures) - MOST_FAILURES} more that failed; `--where status=failed --columns run`")
    return rows, notes


def print_table(columns: Sequence[table.Column], expendable: Sequence[str], given: argparse.Namespace) -> list[str]:
    """Prints the columns in the form that was asked for; returns a note about those that did not fit."""
    if given.markdown or given.latex:
        print(output.latex(columns) if given.latex else output.markdown(columns))
        return []
    hidden = output.terminal(columns, expendable)
    return [f"too narrow for: {', '.join(hidden)} (--columns chooses, --csv has all)"] if hidden else []


def draw(
    rows: Sequence[Row], columns: Sequence[table.Column], title: str, notes: Sequence[str], given: argparse.Namespace
) -> None:
    """The picture and the page, where they are asked for."""
    if not (given.png or given.html):
        return
    from dl_runner.report.compare.pictures import draw as draw_picture

    picture = draw_picture(rows)
    for path in filter(None, (given.png, given.html)):
        encoded = base64.b64encode(picture).decode()
        content = picture if path == given.png else output.page(title, columns, notes[1:], encoded)
        try:
            write_atomic(path, content)
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror}); name another file") from None
        print(f"{path} written", file=sys.stderr)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _shared(rows: Sequence[Row]) -> str:
    """What a reader must know of all runs at once, such as ': data digits, model lenet'."""
    shared = [(group, {row.value(f"{group}.name") for row in rows}) for group in ("data", "model", "optimizer")]
    told = ", ".join(f"{group} {next(iter(names))}" for group, names in shared if len(names) == 1)
    return f": {told}" if told else ""
