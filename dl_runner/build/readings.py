"""How inputs are made of data: token 7 and category 3 mean the same to two models only if both learnt them alike."""

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dl_runner.data.dataset import FITTED, Fitted
from dl_runner.runtime.checksums import read_checked
from dl_runner.runtime.files import parse_json

_KEYS = ("tokenizer", "source", "target", "numbers", "categories", "indicators")
_SHOWN = 3


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


def difference(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """What an input means to one and not to the other, as "column a is …"; "" where all mean the same to both.

    Args:
        theirs: a reading, "there".
        ours: another one, "here".
    """
    if "source" in {**theirs, **ours}:
        return _of_pairs(theirs, ours)
    if "tokenizer" in {**theirs, **ours}:
        return _of_tokens(theirs.get("tokenizer") or {}, ours.get("tokenizer") or {})
    for key, kind in (("numbers", "number"), ("categories", "category")):
        there, here = ([column["name"] for column in one.get(key, ())] for one in (theirs, ours))
        if there != here:
            return _of_names(f"a {kind}", there, here)
    for old, new in zip(theirs.get("numbers", ()), ours.get("numbers", ()), strict=True):
        if old.get("log", False) != new.get("log", False):
            return f"column {old['name']} is read as log(1 + x) {'there' if old.get('log') else 'here'} alone"
    for old, new in zip(theirs.get("categories", ()), ours.get("categories", ()), strict=True):
        if old["levels"] != new["levels"]:
            return f"column {old['name']}: {_of_names('a category', old['levels'], new['levels'], '')}"
    there, here = (list(one.get("indicators", ())) for one in (theirs, ours))
    return "" if there == here else _of_names("marked where missing", there, here)


def scale_difference(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """Which columns of numbers are filled in or standardized otherwise; "" for none. They are the same columns."""
    pairs = list(zip(theirs.get("numbers", ()), ours.get("numbers", ()), strict=True))
    apart = [(old, new) for old, new in pairs if any(old[key] != new[key] for key in ("fill", "mean", "std"))]
    if not apart:
        return ""
    old, new = apart[0]
    told = [f"mean {one['mean']:.6g}, std {one['std']:.6g}, missing {one['fill']:.6g}" for one in (old, new)]
    more = f" ({len(apart) - 1} other columns differ too)" if apart[1:] else ""
    return f"column {old['name']} has {told[0]} there and {told[1]} here{more}"


def _of_pairs(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    for side in ("source", "target"):
        there, here = (one.get(side, {}).get("tokenizer", {}) for one in (theirs, ours))
        if told := _of_tokens(there, here):
            return f"{side}: {told}"
    return ""


def _of_tokens(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    for key, called in (("name", "the tokenizer"), ("settings", "the tokenizer's settings")):
        if theirs.get(key) != ours.get(key):
            return f"{called}: {theirs.get(key)} there and {ours.get(key)} here"
    there, here = (one.get("tokens", ()) for one in (theirs, ours))
    for number, (old, new) in enumerate(zip_longest(there, here)):
        if old != new:
            return f"token {number} of {len(there)} there is {old!r}, of {len(here)} here {new!r}"
    return ""


def _of_names(role: str, there: list[Any], here: list[Any], noun: str = "column ") -> str:
    for some, others, where in ((there, here, "there"), (here, there, "here")):
        if alone := ["a missing value" if name is None else str(name) for name in some if name not in others]:
            more = f" and {len(alone) - _SHOWN} more" if alone[_SHOWN:] else ""
            noun = noun.replace(" ", "s ") if alone[1:] else noun
            return f"{noun}{', '.join(alone[:_SHOWN])}{more}: {role} {where} alone"
    if there == here:
        return ""
    old, new = next(pair for pair in zip(there, here, strict=True) if pair[0] != pair[1])
    return f"the order differs: {noun}{old} there where {noun}{new} is here"


def _reading(state: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: state[key] for key in _KEYS if key in state}
    if "categories" in found:  # tuples here, lists in a file
        found["categories"] = [{**one, "levels": list(one["levels"])} for one in found["categories"]]
    return found
