"""The folder of a sweep: sweep.json, which lists its jobs, and who is at work on which of them. Imports no torch."""

import fcntl
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dl_runner.errors import UserError
from dl_runner.runtime.files import read_json, to_json, write_atomic
from dl_runner.tracking.run_folder import Job

DEFINITION = "sweep.json"
LOCKS = ".locks"


@dataclass(frozen=True)
class Entry:
    """A job in the list of its sweep.

    Args:
        number: its place in the list, >= 0.
        folder: the name of its run folder.
        job: what its run folder says of it.
    """

    number: int
    folder: str
    job: Job


def entries(folder: Path) -> list[Entry]:
    """The jobs of the sweep in `folder`, [] if none began there.

    Raises:
        UserError: sweep.json is damaged.
    """
    if not (folder / DEFINITION).exists():
        return []
    found = read_json(folder / DEFINITION)
    try:
        return [Entry(number, one["folder"], Job(**one["job"])) for number, one in enumerate(found["jobs"])]
    except (KeyError, TypeError):
        raise UserError(f"{folder / DEFINITION}: damaged, not the list of a sweep's jobs") from None


def enter(folder: Path, wanted: Sequence[Job], definition: dict[str, Any]) -> list[Entry]:
    """Puts the wanted jobs on the folder's list, where they are not on it yet.

    One sweep may take up a part of the other's jobs or add to them; jobs of its own beside jobs that it lacks make it
    a different sweep.

    Args:
        definition: what sweep.json says beside the jobs.

    Returns:
        the wanted jobs, in their order.

    Raises:
        UserError: a different sweep is in the folder, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder, 0, wait=True):
            listed = entries(folder)
            known = {entry.job.identity for entry in listed}
            new = [job for job in wanted if job.identity not in known]
            lacking = len(known) - (len(wanted) - len(new))
            if new and lacking:
                command = shlex.join(read_json(folder / DEFINITION).get("command", []))
                raise UserError(
                    f"{folder}: holds a different sweep: of its {len(known)} jobs this one lacks {lacking}, and it has "
                    f"{len(new)} others; choose another sweep.name, or run the one that is there: {command}"
                )
            for job in new:
                name = re.sub(r"[^\w=.,+-]+", "_", f"{len(listed)}_{job.label}")[:120]
                listed.append(Entry(len(listed), name, job))
            if new:
                jobs = [{"folder": one.folder, "job": asdict(one.job)} for one in listed]
                write_atomic(folder / DEFINITION, to_json({**definition, "jobs": jobs}, indent=2) + "\n")
    except OSError as error:
        raise UserError(f"{folder}: cannot be made or written ({error.strerror}); outputs=DIR moves it") from error
    places = {entry.job.identity: entry for entry in listed}
    return [places[job.identity] for job in wanted]


@contextmanager
def claim(folder: Path, entry: Entry) -> Iterator[bool]:
    """Whether the job is this process's until the end of the block; the kernel lets go of it however that comes.

    A process works at one job at a time: a second block inside the first one would give up both.
    """
    with _locked(folder, 1 + entry.number, wait=False) as held:
        yield held


@contextmanager
def _locked(folder: Path, place: int, wait: bool) -> Iterator[bool]:
    # Locks on single bytes of one file. Unlike those of flock, they are not inherited by workers, which may outlive us.
    with (folder / LOCKS).open("ab") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), 1, place)
        except (BlockingIOError, PermissionError):
            yield False
            return
        yield True
