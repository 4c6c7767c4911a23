"""Texts that a user asks about: on the command line, in files, or from the standard input."""

import sys
from collections.abc import Sequence
from pathlib import Path

from dl_runner.data.corpus import decoded, read_text
from dl_runner.errors import UserError

STANDARD_INPUT = "-"


def texts_asked_for(inputs: Sequence[str]) -> list[str]:
    """A user's inputs, each file among them replaced by its lines, and "-" by those of the standard input.

    An input is a file if there is one of this name, or if it looks like the name of one: "a.txt" without spaces.

    Raises:
        UserError: a file that is missing, is no UTF-8 text, or has an empty line or none at all.
    """
    texts: list[str] = []
    for given in inputs:
        if given == STANDARD_INPUT:
            texts += _lines(_standard_input(), "standard input")
        elif _is_file(given):
            texts += _lines(read_text(Path(given)), given)
        else:
            texts.append(given)
    return texts


def _is_file(given: str) -> bool:
    if given.endswith(".txt") and not any(map(str.isspace, given)):
        return True
    try:
        return Path(given).is_file()
    except (OSError, ValueError):  # too long for a name, or with a null character
        return False


def _standard_input() -> str:
    return decoded(sys.stdin.buffer.read(), "standard input")


def _lines(text: str, name: str) -> list[str]:
    lines = text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            what = "is empty; remove the line" if len(lines) > 1 else "is empty; it needs a text on each line"
            raise UserError(f"{name}{f', line {number}' if len(lines) > 1 else ''}: {what}")
    return [line.removesuffix("\r") for line in lines]
