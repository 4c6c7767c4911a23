"""The value of a setting as it was meant."""

import re
from typing import Any

from dl_runner.config.hints.vocabulary import PRECISIONS, folded

_TRUE, _FALSE = ("yes", "on", "1", "y", "t"), ("no", "off", "0", "n", "f")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def several(value: str) -> bool:
    """Whether a value is several ones for a sweep."""
    return "," in re.sub(r"[\[{(].*[\])}]|'[^']*'|\"[^\"]*\"", "", value) or bool(
        re.match(r"(choice|range|interval|tag|shuffle|sort|glob)\(", value)
    )


def value_meant(key: str, value: str, default: Any, kind: str) -> tuple[list[str], str] | None:
    """Other spellings of a value, and what is wrong with this one; None for one that is right or beyond help.

    Args:
        key: in full.
        default: the value that the config has.
        kind: what the key takes, in words, such as "a number above 0 or null"; "" where that is not known.
    """
    if not value.strip("\"' "):
        shown = default if isinstance(default, int | float | str) and "${" not in str(default) else None
        return ([as_typed(shown)], f"has no value; the one it has is {as_typed(shown)}") if shown is not None else None
    if key == "device.name":
        number = re.fullmatch(r"(?:(?:gpu|cuda)[:_ -]?)?(\d+)", value.lower())
        word = {"gpu": "cuda", "nvidia": "cuda"}.get(value.lower(), value.lower())
        new = f"cuda:{number[1]}" if number else word
        return ([new], f"a GPU is called {'cuda:' + number[1] if number else 'cuda'}") if new != value else None
    if key == "device.precision" and (word := PRECISIONS.get(folded(value))):
        return [word], f"is {word} here"
    if "duration" in kind:
        return _duration(value)
    if isinstance(default, bool) and value.lower() in _TRUE + _FALSE:
        return ["true" if value.lower() in _TRUE else "false"], "is true or false"
    if isinstance(default, list) and not value.startswith(("[", "$", "'", '"')):
        return [f"[{value}]"], "is a list, in brackets"
    if "number" in kind or (isinstance(default, int | float) and not isinstance(default, bool)):
        whole = "whole number" in kind or isinstance(default, int)
        return _number(value, whole, "a list" in kind)
    return None


def as_typed(value: Any) -> str:
    """A number, a text or a truth value as the command line has it."""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _duration(value: str) -> tuple[list[str], str] | None:
    bare = value.strip("'\"")
    if re.fullmatch(_NUMBER, bare):
        amount = "epoch" if bare == "1" else "epochs"
        return [f"{bare} {amount}", f"{bare} step{'' if bare == '1' else 's'}"], "needs a unit"
    if found := re.fullmatch(rf"({_NUMBER})[ _-]*(ep|e|it|iter|iters|iterations|batches|min|mins|m)\.?", bare):
        unit = {"e": "epoch", "i": "step", "b": "step", "m": "minute"}[found[2][0]]
        return [f"{found[1]} {unit}s"], "a unit is epochs, steps or minutes"
    return None


def _number(value: str, whole: bool, listed: bool) -> tuple[list[str], str] | None:
    bare = value.strip("'\"")
    if found := re.fullmatch(rf"({_NUMBER})%", bare):
        return [f"{float(found[1]) / 100:g}"], "is a share of 1, without %"
    if found := re.fullmatch(rf"({_NUMBER})[ _-]*(epochs?|steps?|s|px|x|k|examples?|samples?|f)", bare):
        amount = f"{float(found[1]) * 1000:g}" if found[2] == "k" else found[1]
        return [amount], "is a number, without a unit"
    if re.fullmatch(r"0,\d+|\d+,0\d*", bare) and not whole:
        return [bare.replace(",", ".")], "a number has a point and no comma"
    if whole and re.fullmatch(_NUMBER, bare) and not re.fullmatch(r"[-+]?\d+", bare) and float(bare).is_integer():
        return [str(int(float(bare)))], "is a whole number"
    if not listed and (found := re.fullmatch(r"\[([^\[\]]+)\]", value)):
        return [found[1].replace(" ", "")], "is one number, without brackets"
    if bare != value and re.fullmatch(_NUMBER, bare):
        return [bare], "is a number, without quotes"
    return None
