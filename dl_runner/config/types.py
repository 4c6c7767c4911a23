"""Values against annotations: the one check behind the typed schema and every builder's keywords.

Understands int, float, bool, str, None, Path, Literal, unions, list[...], tuple[..., ...], dict, `Within` ranges
in Annotated, and any class with a `parse` classmethod. Imports no torch.
"""

import inspect
import math
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from dl_runner.config.paths import absolute
from dl_runner.config.yaml_file import is_number
from dl_runner.errors import UserError, hint


@dataclass(frozen=True)
class Within:
    """A finite number in a range, open at an end whose `*_open` is true; for use inside Annotated."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def holds(self, value: float) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return _is_finite(value) and above and below

    def __str__(self) -> str:
        low = f"{'above' if self.low_open else 'at least'} {self.low:g}" if self.low > -math.inf else ""
        high = f"{'below' if self.high_open else 'at most'} {self.high:g}" if self.high < math.inf else ""
        return " and ".join(part for part in (low, high) if part)


PositiveInt = Annotated[int, Within(low=1)]
CountInt = Annotated[int, Within(low=0)]
Folds = Annotated[int, Within(low=2)]
Positive = Annotated[float, Within(low=0, low_open=True)]
NonNegative = Annotated[float, Within(low=0)]
Fraction = Annotated[float, Within(low=0, high=1, high_open=True)]  # [0, 1)
OpenFraction = Annotated[float, Within(low=0, high=1, low_open=True, high_open=True)]  # (0, 1)
Probability = Annotated[float, Within(low=0, high=1)]


class Mismatch(Exception):
    """A value that does not fit its annotation; the message says what was expected."""


def describe(annotation: Any) -> str:
    """A short noun phrase for an annotation, for error messages."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return f"{describe(args[0])} {args[1]}".strip()
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in args)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(arg) for arg in args)
    if origin in (list, tuple):
        return f"a list of {describe(args[0])}"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", types.NoneType: "null"}
    names |= {Path: "a path"}
    if annotation in names:
        return names[annotation]
    return getattr(annotation, "expects", None) or getattr(annotation, "__name__", str(annotation))


def convert(value: Any, annotation: Any) -> Any:
    """`value` as the annotation's type; only lossless conversions (int to float, list to tuple, text to an absolute
    Path).

    Raises:
        Mismatch: it does not fit.
    """
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any or annotation is inspect.Parameter.empty:
        return value
    if origin is Annotated:
        return _ranged(value, annotation)
    if origin is Literal:
        if any(value == choice and type(value) is type(choice) for choice in args):
            return value
        if isinstance(value, bool) and {"on", "off"} <= set(args):
            return "on" if value else "off"  # what YAML makes of these words without quotes
        raise Mismatch(f"expected {describe(annotation)}{_near(value, args)}")
    if origin in (Union, types.UnionType):
        return _union(value, annotation, args)
    if origin in (list, tuple):
        if not isinstance(value, list | tuple):
            raise Mismatch(f"expected {describe(annotation)}")
        return origin(convert(item, args[0]) for item in value)
    if hasattr(annotation, "parse"):
        try:
            return annotation.parse(value)
        except ValueError as error:
            raise Mismatch(f"expected {describe(annotation)}") from error
    return _scalar(value, annotation)


def _ranged(value: Any, annotation: Any) -> Any:
    base, bounds = typing.get_args(annotation)[:2]
    try:
        number = convert(value, base)
    except Mismatch:
        raise Mismatch(f"expected {describe(annotation)}") from None
    if not bounds.holds(number):
        raise Mismatch(f"expected {describe(annotation)}")
    return number


def _union(value: Any, annotation: Any, args: tuple[Any, ...]) -> Any:
    for arg in args:
        try:
            return convert(value, arg)
        except Mismatch:
            continue
    choices = [choice for arg in args if typing.get_origin(arg) is Literal for choice in typing.get_args(arg)]
    raise Mismatch(f"expected {describe(annotation)}{_near(value, choices)}")


def _scalar(value: Any, annotation: Any) -> Any:
    if annotation in (None, types.NoneType):
        if value is None:
            return None
    elif annotation is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value):
            return float(value)
    elif annotation is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    elif annotation is Path:
        if isinstance(value, str | Path) and str(value):
            return absolute(value)
    elif isinstance(annotation, type) and isinstance(value, annotation):
        return value
    raise Mismatch(f"expected {describe(annotation)}")


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number beyond the largest float
        return False


def _near(value: Any, choices: Iterable[Any]) -> str:
    """Only the nearest: the expectation before it lists the choices."""
    return hint(value, choices).partition(" (choices")[0].partition("; choices")[0]


def checked(value: Any, annotation: Any, key: str) -> Any:
    """`convert`, with the user's key in the error.

    Raises:
        UserError: 'KEY=VALUE: expected …'.
    """
    try:
        return convert(value, annotation)
    except Mismatch as mismatch:
        shown = "null" if value is None else str(value).lower() if isinstance(value, bool) else value
        raise UserError(f"{key}={shown}: {mismatch}{_quoted_number(value, key)}") from None


def _quoted_number(value: Any, key: str) -> str:
    """The remedy for a number that is a text, as what ${oc.env:NAME} gives is."""
    if not isinstance(value, str) or not is_number(value):
        return ""
    decoded = f"'{key}=\"${{oc.decode:${{oc.env:NAME}}}}\"'"
    return f"; this is a text: leave out its quotes, or for a number from the environment write {decoded}"


def arguments(function: Callable[..., Any], values: Mapping[str, Any], key: str, given: Iterable[str] = ()) -> dict:
    """`values` as keyword arguments for `function`, each checked against the signature.

    Args:
        function: a builder; its keyword parameters are what a config may set.
        values: parameter name to raw config value.
        key: the config group, for the messages ("model"), or "--" for options of a command line.
        given: parameters that the program fills in itself; a config may not.

    Raises:
        UserError: an unknown, missing or ill-typed parameter.
    """
    parameters = {
        name: parameter for name, parameter in inspect.signature(function).parameters.items() if name not in set(given)
    }
    result = {}
    for name, value in values.items():
        named = f"--{name.replace('_', '-')}" if key == "--" else f"{key}.{name}"
        if name not in parameters:
            takes = hint(name, parameters) or "; it takes none"
            raise UserError(f"{named}={value}: {function.__name__} has no such parameter{takes}")
        result[name] = checked(value, annotation_of(function, parameters[name]), named)
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in result:
            expected = describe(annotation_of(function, parameter))
            raise UserError(f"{key}.{name}: {function.__name__} needs it ({expected})")
    return result


def annotation_of(function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """One parameter's annotation. A postponed one is evaluated alone, so that an annotation elsewhere in the
    signature may name a type that is only imported for type checkers."""
    if isinstance(parameter.annotation, str):
        return eval(parameter.annotation, vars(sys.modules[function.__module__]))
    return parameter.annotation
