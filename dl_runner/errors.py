"""What can go wrong, sorted by whose move is next. Imports nothing."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """The user's mistake: one clear line naming the key, value or file and the remedy; exit code 2."""


class RunFailed(Exception):
    """The run itself failed, for example by divergence: exit code 1. The message holds the remedy."""


class WriteFailed(RunFailed):
    """A file cannot be written: the disk is full, or the folder has become read-only or has gone."""


class Pruned(Exception):
    """A search gave the run up, because others were better at the same stage; not a failure."""


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop (Ctrl-C, SIGTERM or SIGUSR1) and did so with its state saved.

    Args:
        signal_number: the signal that asked; the process exits with 128 plus this number.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.reason = message.partition(";")[0]  # without the advice, which belongs to the folder that is resumed
        self.signal_number = signal_number

    def __reduce__(self) -> tuple:
        """For its way from one process to another."""
        return type(self), (str(self), self.signal_number)


LONGEST = 300  # characters of a list that a line of text can hold
FEW = 5


def hint(word: object, choices: Iterable[object]) -> str:
    """'; did you mean X? (choices: …)' for an unknown `word`, '; choices: …' if none is near, '' without choices.

    Of a long list only the nearest few are named: '; did you mean X? (nearest of 84 choices: X, Y, Z)'.
    """
    names = sorted({str(choice) for choice in choices})
    if not names:
        return ""
    near = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    label, listed = "choices", ", ".join(names)
    if len(listed) > LONGEST:
        label = f"nearest of {len(names)} choices"
        listed = ", ".join(difflib.get_close_matches(str(word), names, n=FEW, cutoff=0.0))
    return f"; did you mean {near[0]}? ({label}: {listed})" if near else f"; {label}: {listed}"
