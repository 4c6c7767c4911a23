"""The table for a terminal, and as Markdown, CSV or a page of HTML."""

import csv
import html
import io
import os
import re
import sys
from collections.abc import Sequence

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from dl_runner.report.compare.rows import Row
from dl_runner.report.compare.table import Column
from dl_runner.tracking.console import Terminal

LONGEST_NAME = 32
UNLIMITED = 10_000
COLORS = {
    **{"completed": "green", "failed": "red", "interrupted": "yellow", "killed": "red", "running": "cyan"},
    **{"pruned": "yellow"},
}


def terminal(columns: Sequence[Column], expendable: Sequence[str]) -> list[str]:
    """Prints the table; where the terminal is narrow, without as many of the expendable columns as it takes.

    Output that is no terminal gets plain lines as long as they come, unless the environment's COLUMNS limits them.

    Args:
        expendable: keys of columns, the first to go first.

    Returns:
        the keys of the columns that did not fit.
    """
    limited = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    console = Terminal(highlight=False, width=None if limited else UNLIMITED)
    shown, hidden = list(columns), []
    longest = LONGEST_NAME if limited else UNLIMITED
    for key in expendable:
        unsqueezed = Measurement.get(console, console.options.update(width=UNLIMITED), _rich(shown, longest)).maximum
        if unsqueezed <= console.width:
            break
        hidden.append(key)
        shown = [column for column in shown if column.key != key]
    console.print(_rich(shown, longest))
    return hidden


def _rich(columns: Sequence[Column], longest: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(
            Text(column.heading), justify="right" if column.numeric else "left", vertical="bottom", overflow="fold"
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(
            *(
                Text(_middle_cut(cell, longest), COLORS.get(cell, ""))
                for column, cell in zip(columns, cells, strict=True)
            )
        )
    return table


def _middle_cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]}…{text[longest // 2 + 1 - longest :]}"


def markdown(columns: Sequence[Column]) -> str:
    """A table of GitHub's Markdown."""
    rules = ["---:" if column.numeric else "---" for column in columns]
    rows = zip(*(column.cells for column in columns), strict=True)
    lines = [[column.key for column in columns], rules, *rows]
    return "\n".join(f"| {' | '.join(map(_plain, line))} |" for line in lines)


# What Markdown would read as markup; an underscore inside a word is none, and neither are brackets without a link.
_MARKUP = re.compile(r"[\\`*<|$]|~~|\](?=[(\[])|(?<!\w)_|_(?!\w)")


def _plain(text: str) -> str:
    return _MARKUP.sub(lambda found: f"\\{found[0]}", " ".join(text.split("\n")))


_LATEX = {
    **{one: f"\\{one}" for one in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--"},
}


def latex(columns: Sequence[Column]) -> str:
    """A table for LaTeX with the package booktabs."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join("".join(_LATEX.get(one, one) for one in cell) for cell in cells) + r" \\"

    heads = [column.heading.replace("\n", " ") for column in columns]
    rows = zip(*(column.cells for column in columns), strict=True)
    shape = "".join("r" if column.numeric else "l" for column in columns)
    begin, end = rf"\begin{{tabular}}{{{shape}}}", r"\end{tabular}"
    return "\n".join([begin, r"\toprule", line(heads), r"\midrule", *map(line, rows), r"\bottomrule", end])


def texts_csv(columns: Sequence[Column]) -> str:
    """The columns as they are."""
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerows([[column.key for column in columns], *zip(*(column.cells for column in columns), strict=True)])
    return page.getvalue().rstrip("\n")


def to_csv(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """All digits, and in columns of their own the deviations and the number of runs."""
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    several = any(len(row.runs) > 1 for row in rows)
    spread = [column.key for column in columns if several and ("/" in column.key or column.key == "seconds")]
    keys = [column.key for column in columns if column.key != "run"]
    heads = [name for key in keys for name in ([key, f"{key} deviation"] if key in spread else [key])]
    writer.writerow([*heads, *(["n"] if several else []), "folders"])
    for row in rows:
        cells = []
        for key in keys:
            cells += [row.value(key), row.deviation(key)] if key in spread else [row.value(key)]
        folders = ";".join(str(run.folder) for run in row.runs)
        writer.writerow([*cells, *([len(row.runs)] if several else []), folders])
    return page.getvalue().rstrip("\n")


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1200px; padding: 0 1em; color: #222 }}
div {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap }}
th, td {{ padding: .25em .8em; text-align: left; border-bottom: 1px solid #ddd }}
th {{ white-space: pre-line; vertical-align: bottom }}
.number {{ text-align: right }}
img {{ max-width: 100%; margin-top: 1.5em }}
</style>
<h1>{title}</h1>
<div><table><thead><tr>{heads}</tr></thead><tbody>
{rows}
</tbody></table></div>
<p>{notes}</p>
<img alt="learning curves, and the main metric against each hyperparameter" src="data:image/png;base64,{picture}">
</html>
"""


def page(title: str, columns: Sequence[Column], notes: Sequence[str], picture: str) -> str:
    """One self-contained HTML page: the table, then the picture.

    Args:
        picture: a PNG in base64.
    """

    def cell(tag: str, column: Column, text: str) -> str:
        kind = ' class="number"' if column.numeric else ""
        return f"<{tag}{kind}>{html.escape(text)}</{tag}>"

    heads = "".join(cell("th", column, column.heading) for column in columns)
    rows = zip(*(column.cells for column in columns), strict=True)
    body = "\n".join(
        f"<tr>{''.join(cell('td', column, text) for column, text in zip(columns, row, strict=True))}</tr>"
        for row in rows
    )
    told = "<br>".join(html.escape(note) for note in notes)
    return PAGE.format(title=html.escape(title), heads=heads, rows=body, notes=told, picture=picture)
