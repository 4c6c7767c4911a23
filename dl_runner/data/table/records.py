"""The rows of a text file such as CSV, as texts, with the line of each.

The csv module of Python finds the records and checks their number of fields, since Polars fills a short row up without
a word and names no line. Polars then reads the file, which takes less time and memory than Python's texts would; where
a field holds a quotation mark or a line ends otherwise, its fields may be others, and the csv module's are taken.
"""

import io
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from dl_runner.data.table.text_file import Format, TextFile
from dl_runner.errors import UserError

SEPARATORS = (",", ";", "\t", "|")
SAMPLED = 50  # records that tell the separator
CHUNK = 50_000  # records that are lists of Python's texts at a time


def import_polars() -> Any:
    """The package.

    Raises:
        UserError: it is not installed.
    """
    try:
        import polars
    except ModuleNotFoundError as error:
        if error.name != "polars":
            raise
        raise UserError(
            "tables: reading them needs Polars, which is missing; pip install 'dl_runner[tables]'"
        ) from None
    return polars


@dataclass(frozen=True, eq=False)
class Records:
    """What a file holds.

    Args:
        separator: the file's own, found or given.
        frame: a Polars frame of texts without blanks around them, null where a value is missing.
        kept: of the file's rows, those that are in the frame, as a Polars series; None for all.
    """

    file: TextFile
    separator: str
    frame: Any
    kept: Any = None

    def __len__(self) -> int:
        return self.frame.height

    @property
    def path(self) -> Path:
        return self.file.path

    @property
    def columns(self) -> list[str]:
        return self.frame.columns

    def place(self, row: int, column: str) -> str:
        """Where the value of a row, counted from 0, is in the file, for a message."""
        row = row if self.kept is None else self.kept.arg_true()[row]
        numbered = self.file.records(self.separator)
        line = next(islice(numbered, row + (not self.file.form.names), None))[0]
        return f"{self.path}, line {line}, column {column}"


def read_records(path: Path, form: Format, *, asked: bool = False) -> Records:
    """The rows of a file; blank lines are passed over, and an empty field is a missing value.

    Args:
        asked: as for `TextFile`.

    Raises:
        UserError: it cannot be read, holds no rows, or has columns without a name or of the same name, or a row with
            another number of fields; names the line.
    """
    polars = import_polars()
    file = TextFile(path, form, asked)
    separator = form.separator or _find_separator(file)
    checked = _check(file, separator)
    frame = None
    if checked.plain:
        try:
            source = path if file.is_utf8 else io.BytesIO(file.text().encode())
            frame = polars.read_csv(source, separator=separator, has_header=False, infer_schema=False, glob=False)
        except polars.exceptions.PolarsError:
            pass
    if frame is not None and (frame.height, frame.width) == (checked.rows + len(checked.blank), len(checked.names)):
        if checked.blank:
            kept = polars.Series(range(frame.height)).is_in(checked.blank).not_()
            frame = frame.filter(kept)
    else:
        frame = _slowly(file, separator, polars)
    frame = frame.rename(dict(zip(frame.columns, checked.names, strict=True)))
    frame = frame.slice(0 if form.names else 1)
    texts = polars.all().str.strip_chars()
    missing = texts.is_in({*form.missing, ""})  # Polars and the csv module differ in what an empty field is
    return Records(file, separator, frame.select(polars.when(missing.not_()).then(texts)))


@dataclass
class _Checked:
    """What the first pass over a file has found: its columns, the number of its records with the line of names, the
    places of blank lines among records and blank lines, and whether Polars reads the same fields."""

    names: list[str] = field(default_factory=list)
    rows: int = 0
    blank: list[int] = field(default_factory=list)
    plain: bool = True


def _check(file: TextFile, separator: str) -> _Checked:
    found, path, form = _Checked(), file.path, file.form
    for line, fields in file.records(separator, found.blank):
        if not found.rows:
            found.names = _names(path, line, [name.strip() for name in form.names or fields])
        if len(fields) != len(found.names):
            other = file.remedy(
                f"name the separator if it is not {separator!r}: data.separator=';'",
                f"separate its fields with {separator!r} as in the training's file",
            )
            raise UserError(
                f"{path}, line {line}: has {len(fields)} fields, and there are {len(found.names)} columns; mend the "
                f"line, or {other}"
            )
        found.rows += 1
        found.plain = found.plain and '"' not in separator.join(fields)
    if found.rows <= (not form.names):
        raise UserError(f"{path}: holds no rows")
    return found


def _names(path: Path, line: int, names: list[str]) -> list[str]:
    for place, name in enumerate(names, 1):
        if not name:
            raise UserError(f"{path}, line {line}: column {place} has no name; give it one")
        if name in names[: place - 1]:
            raise UserError(
                f"{path}, line {line}: columns {names.index(name) + 1} and {place} are both named {name}; rename one"
            )
    return names


def _find_separator(file: TextFile) -> str:
    """The one with most columns among those that give all of the first records the same number of fields; a file of one
    column has a comma."""
    best, most = ",", 1
    for separator in SEPARATORS:
        try:
            sample = [len(fields) for _, fields in islice(file.records(separator), SAMPLED)]
        except UserError:
            continue
        if sample and len(set(sample)) == 1 and sample[0] > most:
            best, most = separator, sample[0]
    if most > 1:
        return best
    header = next(file.records("\0"), (1, [""]))[1][0]  # rows differ: that of the names, so that they are named
    return max(SEPARATORS, key=header.count)


def _slowly(file: TextFile, separator: str, polars: Any) -> Any:
    """The frame of the csv module's fields."""
    records, frames = (fields for _, fields in file.records(separator)), []
    while chunk := list(islice(records, CHUNK)):
        columns = zip(*chunk, strict=True)
        frames.append(polars.DataFrame([polars.Series(str(at), texts) for at, texts in enumerate(columns)]))
    return polars.concat(frames)
