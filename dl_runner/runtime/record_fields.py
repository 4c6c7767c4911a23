"""What kind of value each field of run.json holds: whoever reads a record relies on it. Imports no torch."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

Check = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _number(value: Any) -> bool:
    return value in ("nan", "inf", "-inf") or (isinstance(value, int | float) and abs(value) < 1e308 and value == value)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value) is not None
    except (TypeError, ValueError):
        return False


def _any(value: Any) -> bool:
    return True


def _list(of: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(of, value))


def _table(of: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(map(of, value.values()))


def _having(**keys: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(check(value.get(key)) for key, check in keys.items())


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


# Of each field, in words and as a test, what it holds unless it is null.
FIELDS: Mapping[str, tuple[str, Check]] = {
    "command": ("a list of texts", _list(_text)),
    "git": ("{commit, dirty}", _having(commit=_text, dirty=_flag)),
    "plugins": (
        "{module: {files, version, git}}",
        _table(_having(files=_table(_text), version=_or_null(_text), git=_or_null(_having(commit=_text, dirty=_flag)))),
    ),
    "versions": ("{package: text}", _table(_or_null(_text))),
    "host": ("{name, cores}", _having(name=_text, cores=_or_null(_whole))),
    "parameters": ("a whole number", _whole),
    "data": ("the kinds of the data", _table(_any)),
    "data_fingerprint": (
        "{split: {examples, content, files}}",
        _table(_or_null(_having(examples=_whole, content=_or_null(_text), files=_or_null(_text)))),
    ),
    "left_out": ("{file: text}", _table(_text)),
    "seed": ("a whole number", _whole),
    **dict.fromkeys(("device", "precision", "memory_format", "status", "traceback", "id"), ("a text", _text)),
    **dict.fromkeys(("compile", "cuda_graphs"), ("a text, or true or false", lambda one: _text(one) or _flag(one))),
    "threads": ("a whole number", _whole),
    "parallel": ("{name, processes}", _having(name=_text, processes=_whole)),
    "start": ("a time such as 2026-01-01T00:00:00+00:00", _time),
    "end": ("a time such as 2026-01-01T00:00:00+00:00", _time),
    "seconds": ("a number", _number),
    "step": ("a whole number", _whole),
    "metrics": ("{metric: number}", _table(_number)),
    "metric_info": ("{metric: {better, format}}", _table(_having(better=_text, format=_text))),
    "objective": ("{metric: number}", _table(_or_null(_number))),
    "resumed": (
        "a list of {time, step}",
        _list(_having(time=_time, step=_whole, lost=_or_null(_text), code=_or_null(_text))),
    ),
    "job": ("{label, identity, command}", _having(label=_text, identity=_text, command=_list(_text))),
    "parent": ("{folder, id, step}", _having(folder=_text, id=_or_null(_text), step=_whole)),
    "checksums": ("{file: checksum}", _table(_any)),
}


def unfit(fields: Mapping[str, Any]) -> str | None:
    """Which field of a record is not what it should be, and what it should be; None where all are."""
    for name, (expected, holds) in FIELDS.items():
        value = fields.get(name)
        if value is not None and not holds(value):
            return f"its {name} is {value!s:.40}, expected {expected}"
    return None
