"""A command line between what was typed and what was meant."""

from collections.abc import Callable
from dataclasses import dataclass, field

WITH_VALUE = ("--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp", "--package", "-p", "--cfg", "-c")
WITHOUT = ("-m", "--multirun", "-r", "--run", "--resolve", "-h", "--help", "--hydra-help", "--version", "-V")
MANY = ("-m", "--multirun")
OF_ONE_RUN = ("--cfg", "-c", "--package", "-p", "--info", "-i", "--resolve", "--run", "-r", *MANY)

# How a hint says which lines were meant.
WRITE = "; write: "
OR = " or: "
THEN = " && "


@dataclass
class Draft:
    """Words of a command line, each change with its reason.

    Args:
        words: the arguments behind `dlrun` and its verb.
        notes: what was wrong, "GIVEN: reason", in the order in which it was found.
    """

    words: list[str]
    notes: list[str] = field(default_factory=list)

    def each(self, change: Callable[[str], str | None], reason: str) -> None:
        """Changes single words; `change` returns None for one that stays."""
        for place, word in enumerate(self.words):
            if (new := change(word)) is not None and new != word:
                self.words[place] = new
                self.notes.append(f"{word}: {reason}")

    def put(self, place: int, count: int, words: list[str], reason: str) -> None:
        """Replaces `count` words from `place` on."""
        given = " ".join(self.words[place : place + count])
        self.words[place : place + count] = words
        self.notes.append(f"{given}: {reason}")

    def settings(self) -> list[int]:
        """The places of the words that are no options and no values of options."""
        found, skip = [], False
        for place, word in enumerate(self.words):
            if skip:
                skip = False
            elif is_option(word):
                skip = word in WITH_VALUE
            else:
                found.append(place)
        return found


def is_option(word: str) -> bool:
    """Whether a word is an option of Hydra's, with or without =VALUE."""
    return word.partition("=")[0] in (*WITH_VALUE, *WITHOUT)
