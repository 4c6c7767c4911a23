"""How inputs are made of data: token 7 and category 3 mean the same to two models only if both learnt them alike."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dl_runner.data.dataset import FITTED, Fitted
from dl_runner.runtime.checksums import read_checked
from dl_runner.runtime.files import parse_json

_KEYS = ("tokenizer", "numbers", "categories", "indicators")


def reading_of_run(folder: Path) -> dict[str, Any]:
    """What fitted.json of a run folder says of it; {} where the inputs are the data themselves.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / FITTED
    return _reading(parse_json(path, read_checked(path))) if path.is_file() else {}


def reading_of(fitted: Fitted | None) -> dict[str, Any]:
    """The same of what was fitted here."""
    return _reading(fitted.state_dict()) if fitted is not None else {}


def without_statistics(reading: Mapping[str, Any]) -> dict[str, Any]:
    """Without the means of columns: weights that go on learning may meet numbers that are standardized otherwise."""
    names = [number["name"] for number in reading.get("numbers", ())]
    return {**reading, "numbers": names} if "numbers" in reading else dict(reading)


def _reading(state: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: state[key] for key in _KEYS if key in state}
    if "categories" in found:  # tuples here, lists in a file
        found["categories"] = [{**one, "levels": list(one["levels"])} for one in found["categories"]]
    return found
