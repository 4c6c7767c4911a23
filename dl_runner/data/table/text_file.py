"""A text file of records: how it is written, and its lines with their fields, read by Python's csv module."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dl_runner.errors import UserError

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
OTHER_KINDS = {  # how files begin that are often given in a text's place
    b"\x1f\x8b": "compressed (gzip); unpack it",
    b"PK\x03\x04": "a zip archive or a spreadsheet; unpack it, or save the sheet as CSV",
    b"\xfd7zXZ": "compressed (xz); unpack it",
    b"BZh": "compressed (bzip2); unpack it",
    b"\x28\xb5\x2f\xfd": "compressed (zstandard); unpack it",
    b"PAR1": "a Parquet file; write its rows into a CSV file",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet; save the sheet as CSV",
    b"%PDF": "a PDF; write its table into a CSV file",
}
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Separator:
    """One character that may stand between fields."""

    expects = "one ASCII character that is no letter, digit, quotation mark or line end, such as ';'"

    @classmethod
    def parse(cls, value: object) -> str:
        """The character; a tabulator may be written as \\t.

        Raises:
            ValueError: it is not one.
        """
        text = "\t" if value == "\\t" else value
        if not isinstance(text, str) or len(text) != 1 or not text.isascii() or text.isalnum() or text in '"\r\n\0':
            raise ValueError(value)
        return text


@dataclass(frozen=True)
class Format:
    """How a file is written.

    Args:
        separator: of the fields; None for the one of `records.SEPARATORS` that gives the first records equally many.
        decimal: of numbers; see `dl_runner.data.table.values`.
        missing: texts that stand for a missing value, blanks around them left out, beside the empty one, which always
            does.
        names: of the columns, where the file has no line with them.
        encoding: as Python names it; a file that begins with the mark of UTF-16 is read as such where this is UTF-8.
    """

    separator: str | None = None
    decimal: Literal["auto", "point", "comma"] = "auto"
    missing: tuple[str, ...] = MISSING
    names: tuple[str, ...] = ()
    encoding: str = "utf-8"


@dataclass(frozen=True)
class TextFile:
    """A file and how it is written.

    Args:
        asked: whether it holds a user's rows for a trained model, which are read as its training's were: no key of
            `data` changes that.
    """

    path: Path
    form: Format
    asked: bool = False

    @property
    def is_utf8(self) -> bool:
        return self._encoding() == "utf-8-sig"

    def _encoding(self) -> str:
        if self.form.encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
            return self.form.encoding
        with self.path.open("rb") as file:
            return "utf-16" if file.read(2) in UTF_16 else "utf-8-sig"

    def remedy(self, key: str, edit: str) -> str:
        """What to do: set a key, or where none can be set, change the file."""
        return edit if self.asked else key

    def text(self) -> str:
        """All of it; raises as `records` does, which has to have been called."""
        return self.path.read_text(encoding=self._encoding())

    def records(self, separator: str, blank: list[int] | None = None) -> Iterator[tuple[int, list[str]]]:
        """The line that each record starts in, from 1, and its fields; the places of blank lines go to `blank`.

        Raises:
            UserError: the file cannot be read, is no text, or its quotation marks do not match.
        """
        path, line = self.path, 1
        try:
            with path.open(encoding=self._encoding(), newline="") as file:
                reader = csv.reader(file, delimiter=separator, strict=True)
                for place, fields in enumerate(reader):
                    if len(fields) > 1 or "".join(fields).strip():
                        yield line, fields
                    elif blank is not None:
                        blank.append(place)
                    line = reader.line_num + 1
        except IsADirectoryError:
            raise UserError(f"{path}: is a folder; name a file in it") from None
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
        except LookupError:
            raise UserError(f"data.encoding={self.form.encoding}: no such encoding; use utf-8 or cp1252") from None
        except (UnicodeError, csv.Error) as error:
            self._refuse_other_kinds()
            if isinstance(error, csv.Error):
                raise UserError(f"{path}, line {line}: {error}; check the quotation marks from there on") from None
            remedy = self.remedy("name its encoding, such as data.encoding=cp1252", "save it in that encoding")
            raise UserError(f"{path}: is no {self.form.encoding} text{self._first_bad_line()}; {remedy}") from None

    def _refuse_other_kinds(self) -> None:
        with self.path.open("rb") as file:
            start = file.read(8)
        for mark, kind in OTHER_KINDS.items():
            if start.startswith(mark):
                raise UserError(f"{self.path}: is no text but {kind}")

    def _first_bad_line(self) -> str:
        for number, line in enumerate(self.path.read_bytes().split(b"\n"), 1):
            try:
                line.decode(self.form.encoding)
            except UnicodeError:
                return f" (line {number})"
        return ""
