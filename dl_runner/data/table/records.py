"""The rows of a text file such as CSV, as texts, with the line of each.

The csv module of Python finds the records and checks their number of fields, since Polars fills a short row up without
a word and names no line. Polars then reads the file, which takes less time and memory than Python's texts would; where
a field holds a quotation mark or a line ends otherwise, its fields may be others, and the csv module's are taken.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from dl_runner.errors import UserError

SEPARATORS = (",", ";", "\t", "|")
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
SAMPLED = 50  # records that tell the separator
CHUNK = 50_000  # records that are lists of Python's texts at a time


@dataclass(frozen=True)
class Format:
    """How a file is written.

    Args:
        separator: of the fields; None for the one of `SEPARATORS` that gives the first records equally many.
        decimal: of numbers; see `dl_runner.data.table.numbers`.
        missing: texts that stand for a missing value, blanks around them left out.
        names: of the columns, where the file has no line with them.
        encoding: as Python names it.
    """

    separator: str | None = None
    decimal: Literal["auto", "point", "comma"] = "auto"
    missing: tuple[str, ...] = MISSING
    names: tuple[str, ...] = ()
    encoding: str = "utf-8"


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

    path: Path
    format: Format
    separator: str
    frame: Any
    kept: Any = None

    def __len__(self) -> int:
        return self.frame.height

    @property
    def columns(self) -> list[str]:
        return self.frame.columns

    def place(self, row: int, column: str) -> str:
        """Where the value of a row, counted from 0, is in the file, for a message."""
        row = row if self.kept is None else self.kept.arg_true()[row]
        numbered = _records(self.path, self.format, self.separator)
        line = next(islice(numbered, row + (not self.format.names), None))[0]
        return f"{self.path}, line {line}, column {column}"


def read_records(path: Path, form: Format) -> Records:
    """The rows of a file; blank lines are passed over.

    Raises:
        UserError: it cannot be read, holds no rows, or has columns without a name or of the same name, or a row with
            another number of fields; names the line.
    """
    polars = import_polars()
    separator = form.separator or _find_separator(path, form)
    checked = _check(path, form, separator)
    frame = None
    if checked.plain:
        try:
            source = path if _is_utf8(form) else io.BytesIO(path.read_text(encoding=form.encoding).encode())
            frame = polars.read_csv(source, separator=separator, has_header=False, infer_schema=False, glob=False)
        except polars.exceptions.PolarsError:
            pass
    if frame is not None and (frame.height, frame.width) == (checked.rows + len(checked.blank), len(checked.names)):
        if checked.blank:
            kept = polars.Series(range(frame.height)).is_in(checked.blank).not_()
            frame = frame.filter(kept)
    else:
        frame = _slowly(path, form, separator, polars)
    frame = frame.rename(dict(zip(frame.columns, checked.names, strict=True)))
    frame = frame.slice(0 if form.names else 1)
    texts = polars.all().str.strip_chars()
    return Records(path, form, separator, frame.select(polars.when(texts.is_in(form.missing).not_()).then(texts)))


@dataclass
class _Checked:
    """What the first pass over a file has found: its columns, the number of its records with the line of names, the
    places of blank lines among records and blank lines, and whether Polars reads the same fields."""

    names: list[str] = field(default_factory=list)
    rows: int = 0
    blank: list[int] = field(default_factory=list)
    plain: bool = True


def _check(path: Path, form: Format, separator: str) -> _Checked:
    found = _Checked()
    for line, fields in _records(path, form, separator, found.blank):
        if not found.rows:
            found.names = _names(path, line, [name.strip() for name in form.names or fields])
        if len(fields) != len(found.names):
            raise UserError(
                f"{path}, line {line}: has {len(fields)} fields, and there are {len(found.names)} columns; mend the "
                f"line, or name the separator if it is not {separator!r}: data.separator=';'"
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


def _records(
    path: Path, form: Format, separator: str, blank: list[int] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The line that each record starts in, from 1, and its fields; the places of blank lines go to `blank`.

    Raises:
        UserError: the file cannot be read, or its quotation marks do not match.
    """
    encoding = "utf-8-sig" if _is_utf8(form) else form.encoding
    try:
        with path.open(encoding=encoding, newline="") as file:
            reader, line = csv.reader(file, delimiter=separator, strict=True), 1
            for place, fields in enumerate(reader):
                if len(fields) > 1 or "".join(fields).strip():
                    yield line, fields
                elif blank is not None:
                    blank.append(place)
                line = reader.line_num + 1
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except LookupError:
        raise UserError(f"data.encoding={form.encoding}: no such encoding; use utf-8 or cp1252") from None
    except UnicodeError:
        raise UserError(
            f"{path}: is no {form.encoding} text{_first_bad_line(path, form)}; name its encoding, such as "
            "data.encoding=cp1252"
        ) from None
    except csv.Error as error:
        raise UserError(f"{path}, line {line}: {error}; check the quotation marks from there on") from None


def _is_utf8(form: Format) -> bool:
    return form.encoding.lower().replace("_", "-") in ("utf-8", "utf8")


def _first_bad_line(path: Path, form: Format) -> str:
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            line.decode(form.encoding)
        except UnicodeError:
            return f" (line {number})"
    return ""


def _find_separator(path: Path, form: Format) -> str:
    """The one with most columns among those that give all of the first records the same number of fields; a file of one
    column has a comma."""
    best, most = ",", 1
    for separator in SEPARATORS:
        try:
            sample = [len(fields) for _, fields in islice(_records(path, form, separator), SAMPLED)]
        except UserError:
            continue
        if sample and len(set(sample)) == 1 and sample[0] > most:
            best, most = separator, sample[0]
    if most > 1:
        return best
    header = next(_records(path, form, "\0"), (1, [""]))[1][0]  # rows differ: that of the names, so that they are named
    return max(SEPARATORS, key=header.count)


def _slowly(path: Path, form: Format, separator: str, polars: Any) -> Any:
    """The frame of the csv module's fields."""
    records, frames = (fields for _, fields in _records(path, form, separator)), []
    while chunk := list(islice(records, CHUNK)):
        columns = zip(*chunk, strict=True)
        frames.append(polars.DataFrame([polars.Series(str(at), texts) for at, texts in enumerate(columns)]))
    return polars.concat(frames)
