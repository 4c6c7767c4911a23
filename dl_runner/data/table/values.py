"""Columns of texts → numbers and categories. What is neither is refused by line and column, never guessed."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from dl_runner.data.table.looks import DATE, GROUPED, PLAIN_DATE, THOUSANDS
from dl_runner.data.table.records import Records, import_polars
from dl_runner.errors import UserError


def as_numbers(texts: Any, decimal: str) -> Any:
    """A Polars series of float64 for one of texts; null where a text is no finite number, or missing.

    Args:
        decimal: "point", "comma", with which a text that holds a point is no number, or "auto" as for "point".
    """
    polars = import_polars()
    if decimal == "comma":
        texts = polars.select(
            polars.when(~texts.str.contains(".", literal=True)).then(texts.str.replace(",", ".", literal=True))
        ).to_series()
    values = texts.cast(polars.Float64, strict=False)
    return polars.select(polars.when(values.is_finite()).then(values)).to_series()


def decimal_of(records: Records, columns: Sequence[str]) -> Literal["auto", "point", "comma"]:
    """The sign that separates decimals in these columns: the format's, or the one that makes numbers of them; "auto"
    where none of them has any.

    Raises:
        UserError: some have a point and others a comma, or commas that may as well separate thousands.
    """
    if (given := records.file.form.decimal) != "auto":
        return given
    point, comma, thousands = None, None, True
    for name in columns:
        texts = records.frame[name].drop_nulls()
        if not texts.len():
            continue
        if not as_numbers(texts, "point").null_count():
            point = point or _first(records, name, r"\.")
        elif not as_numbers(texts, "comma").null_count():
            comma = comma or _first(records, name, ",")
            thousands = thousands and texts.filter(texts.str.contains(",")).str.contains(THOUSANDS).all()
    if comma and (point or records.separator == "," or thousands):
        other = f"but {point} has a point" if point else "in a file whose fields a comma separates"
        other = other if point or records.separator == "," else "and three digits after it, as all others here have"
        remedy = records.file.remedy("data.decimal=comma for decimals; take", "write decimals with a point, and take")
        raise UserError(
            f"{comma} has a comma, {other}: does the comma separate decimals or thousands? {remedy} "
            "thousands' commas out of the file"
        )
    return "comma" if comma else "point" if point else "auto"


def _first(records: Records, name: str, pattern: str, *, quoted: bool = False) -> str | None:
    """The first value of a column that holds a pattern, as it is named in a message."""
    rows = records.frame[name].str.contains(pattern).fill_null(False).arg_true()
    if not rows.len():
        return None
    text = records.frame[name][rows[0]]
    return f"{records.place(rows[0], name)}: {text!r}" if quoted else f"{records.place(rows[0], name)}: {text}"


def number_column(records: Records, name: str, decimal: str) -> np.ndarray:
    """float64 (rows,), NaN where a value is missing.

    Raises:
        UserError: a value is no finite number; names its line.
    """
    texts = records.frame[name]
    values = as_numbers(texts, decimal)
    wrong = (values.is_null() & texts.is_not_null()).arg_true()
    if wrong.len():
        row, rest = wrong[0], texts.len() - texts.null_count() - wrong.len()
        text = texts[row]
        sign = f" with a decimal {decimal}" if decimal != "auto" and set(text) & set(".,") else ""
        others = f", and {rest:,} of the others {'is' if rest == 1 else 'are'}" if rest else ""
        remedy = records.file.remedy(
            f"data.missing=[…,{text}] takes it for a missing value, data.categories=[{name}] the column for categories",
            "mend the line; an empty field is a missing value",
        )
        raise UserError(f"{records.place(row, name)}: {text!r} is no number{sign}{others}; {remedy}")
    return values.fill_null(float("nan")).to_numpy().copy()


def category_column(records: Records, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """int32 (rows,), the place of each value among the categories, −1 where it is missing; and these, sorted."""
    polars = import_polars()
    texts = records.frame[name]
    levels = sorted(texts.drop_nulls().unique().to_list())
    if not levels:
        return np.full(texts.len(), -1, np.int32), ()
    codes = texts.replace_strict(levels, range(len(levels)), default=-1, return_dtype=polars.Int32)
    return codes.fill_null(-1).to_numpy().copy(), tuple(levels)


def is_numeric(records: Records, name: str, decimal: str) -> bool:
    """Whether a column holds numbers rather than categories, told by its values.

    Raises:
        UserError: it holds dates, mostly numbers but not only, mostly different texts, or nothing.
    """
    texts = records.frame[name].drop_nulls()
    remedy = f"data.drop=[{name}] leaves it out"
    if not texts.len():
        raise UserError(f"{records.path}, column {name}: holds no value; {remedy}")
    refuse_lookalikes(records, name, decimal, f"{remedy}, data.categories=[{name}] takes its texts as they are")
    numbers = texts.len() - as_numbers(texts, decimal).null_count()
    if numbers == texts.len():
        return True
    if 2 * numbers > texts.len():
        number_column(records, name, decimal)  # which names the first that is none
    different = texts.n_unique()
    if different > max(20, texts.len() // 2):
        raise UserError(
            f"{records.path}, column {name}: {different:,} different texts in {texts.len():,} rows are no categories; "
            f"{remedy}, data.identifier=[{name}] keeps it for predictions, data.categories=[{name}] takes them anyway"
        )
    return False


def refuse_lookalikes(records: Records, name: str, decimal: str, remedy: str) -> None:
    """Refuse a column of dates, or of numbers whose thousands are separated.

    Args:
        remedy: ends the message.

    Raises:
        UserError: most of its texts are one or the other, or all of its whole numbers such as 20200131.
    """
    texts = records.frame[name].drop_nulls()
    others = texts.filter(as_numbers(texts, decimal).is_null())
    found = None
    if all(one.str.contains(PLAIN_DATE).all() for one in (texts.head(1), texts)) and texts.n_unique() > 1:
        found = PLAIN_DATE
    elif 2 * others.str.contains(DATE).sum() > texts.len():
        found = DATE
    if found:
        raise UserError(
            f"{_first(records, name, found, quoted=True)} is a date, which no model takes; {remedy}, or put what "
            "matters of it, such as the year, into a column of numbers"
        )
    grouped = others.str.contains(GROUPED).sum()
    if grouped and 2 * (grouped + texts.len() - others.len()) > texts.len():
        where = _first(records, name, GROUPED, quoted=True)
        raise UserError(
            f"{where} has separated thousands, which are not read; take the separators out of the file, or {remedy}"
        )
