"""How a table names its pictures: so that answers about others are a table of the same form, as a competition takes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dl_runner.data.splits import Split
from dl_runner.errors import UserError


@dataclass(frozen=True)
class PictureTable:
    """The names of a table's columns; there is nothing to learn from the pictures.

    Args:
        identifier: the column of the pictures' names.
        target: the column of their classes.
        endings: whether the names have their endings, as in 1.png.
    """

    identifier: str
    target: str
    endings: bool

    spec = None  # the data's own

    def fit(self, train: Split) -> "PictureTable":
        return self

    def apply(self, split: Split) -> Split:
        return split

    def identify(self, paths: Sequence[str]) -> list[dict[str, str]]:
        """Of each picture file the column that names it.

        Raises:
            UserError: two of them have the same name.
        """
        named: dict[str, str] = {}
        for path in paths:
            name = Path(path).name if self.endings else Path(path).stem
            if name in named:
                raise UserError(
                    f"{path}: would be {self.identifier} {name}, as {named[name]} is; ask about one of them"
                )
            named[name] = path
        return [{self.identifier: name} for name in named]

    def state_dict(self) -> dict[str, Any]:
        return {"name": "picture_table", **asdict(self)}


def picture_table(state: Mapping[str, Any]) -> PictureTable:
    """Inverse of `PictureTable.state_dict`."""
    return PictureTable(**{key: state[key] for key in ("identifier", "target", "endings")})
