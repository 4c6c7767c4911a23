"""The columns of a table in words."""

from dl_runner.spec import Columns, Kind


def columns_in_words(kind: Kind, most: int | None = None) -> str | None:
    """Names of the columns of numbers and of categories, with how many categories each of the latter tells apart; None
    for what is no table.

    Args:
        most: names of each kind; None for all.
    """
    if not isinstance(kind, Columns):
        return None
    counted = [f"{name} ({size - 1})" for name, size in zip(kind.categories, kind.sizes, strict=True)]
    return "; ".join(
        f"{title} {', '.join(names[:most])}{f' and {len(names[most:])} more' if names[most or len(names) :] else ''}"
        for title, names in (("numbers", kind.numeric), ("categories", counted))
        if names
    )
