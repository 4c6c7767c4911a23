"""The folder of a sweep: sweep.json, which lists its jobs, and the locks on them. Imports no torch."""

import fcntl
import re
import secrets
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from dl_runner.errors import UserError
from dl_runner.runtime.checksums import is_as_sealed, sealed
from dl_runner.runtime.files import file_name, read_json, to_json, write_atomic, writing
from dl_runner.sweep.difference import beside, difference
from dl_runner.tracking.plugin_code import CODE
from dl_runner.tracking.run_folder import Job

DEFINITION = "sweep.json"
LOCKS = ".locks"


@dataclass(frozen=True)
class Entry:
    """A job in the list of its sweep.

    Args:
        number: its place in the list, >= 0.
        folder: the name of its run folder.
        job: as in the run.json of its run folder.
    """

    number: int
    folder: str
    job: Job


def definition_of(folder: Path) -> dict[str, Any]:
    """What sweep.json says, {} if there is none.

    Raises:
        UserError: it is damaged.
    """
    if not (folder / DEFINITION).exists():
        return {}
    found = read_json(folder / DEFINITION)
    if not isinstance(found, dict) or not isinstance(found.get("jobs"), list):
        raise UserError(f"{folder / DEFINITION}: damaged, not the list of a sweep's jobs")
    if not is_as_sealed(found, DEFINITION):
        raise UserError(f"{folder / DEFINITION}: damaged, not as the sweep wrote it; restore it, or choose another")
    return found


def entries(folder: Path) -> list[Entry]:
    """The jobs of the sweep in `folder`, [] if none began there.

    Raises:
        UserError: sweep.json is damaged.
    """
    jobs = definition_of(folder).get("jobs", [])
    try:
        return [Entry(number, one["folder"], Job(**one["job"])) for number, one in enumerate(jobs)]
    except (KeyError, TypeError):
        raise UserError(f"{folder / DEFINITION}: damaged, not the list of a sweep's jobs") from None


def add_jobs(folder: Path, wanted: Sequence[Job], definition: dict[str, Any]) -> list[Entry]:
    """Adds the wanted jobs to the list in sweep.json, unless they are in it.

    The wanted jobs may be some of the listed ones, or all of them and further ones. A sweep that lacks listed jobs and
    brings others is a different sweep.

    Args:
        definition: what sweep.json says beside the jobs.

    Returns:
        the wanted jobs, in their order.

    Raises:
        UserError: a different sweep is in the folder, or the folder cannot be made.
    """
    with _writing(folder):
        listed = entries(folder)
        known = {entry.job.identity for entry in listed}
        new = [job for job in wanted if job.identity not in known]
        lacking = len(known) - (len(wanted) - len(new))
        if new and (lacking or "same" in definition_of(folder)):
            told = difference(definition_of(folder), definition)
            counts = f"of its {len(known)} jobs this one lacks {lacking}, and it has {len(new)} others"
            _refuse(folder, f"{told} ({counts})", definition)
        for job in new:
            listed.append(Entry(len(listed), _name(len(listed), job), job))
        if new:
            _write(folder, {**definition_of(folder), **definition}, listed)
    places = {entry.job.identity: entry for entry in listed}
    return [places[job.identity] for job in wanted]


def begin_search(folder: Path, definition: dict[str, Any]) -> str:
    """Begins an adaptive search, whose jobs are not known yet, or resumes it.

    Args:
        definition: what sweep.json says of it; what must not change is under "same".

    Returns:
        A random name of this folder, which marks the trials of its processes in a database that folders share.

    Raises:
        UserError: a different sweep is in the folder, or the folder cannot be made.
    """
    with _writing(folder):
        found = definition_of(folder)
        if not found:
            found = {**definition, "owner": secrets.token_hex(8)}
            _write(folder, found, [])
        before, now = found.get("same", {}), definition["same"]
        if changed := next((key for key in now if before.get(key) != now[key]), None):
            told = f"its {changed} is {before.get(changed, 'another one')}, not {now[changed]}"
            if changed in ("swept", "example", "search"):
                told = difference(found, definition)
            _refuse(folder, told, definition)
    return found["owner"]


def fix_threads(folder: Path, choose: Callable[[int | None], int | None]) -> None:
    """Writes to sweep.json how many threads each job has, all its processes together.

    Threads change the order of sums and so the last digits of a result: they stay what they were when the sweep began,
    whichever launcher or machine resumes it.

    Args:
        choose: the number in sweep.json or None → the number to write, None for none.
    """
    known = definition_of(folder).get("threads")
    threads = choose(known)
    if known is None and threads is not None:
        with exclusive(folder):
            definition = definition_of(folder)
            if definition.get("threads") is None:
                _write(folder, {**definition, "threads": threads}, entries(folder))
            elif definition["threads"] != threads:  # another process was faster
                choose(definition["threads"])


def add_job(folder: Path, job: Job, number: int) -> Entry:
    """The job's entry in the list, to which it is added unless it is there; within `exclusive`.

    Args:
        number: begins the name of its run folder.
    """
    listed = entries(folder)
    known = next((entry for entry in listed if entry.job.identity == job.identity), None)
    if known is None:
        known = Entry(len(listed), _name(number, job), job)
        _write(folder, definition_of(folder), [*listed, known])
    return known


def _name(number: int, job: Job) -> str:
    """Such as 3_model.hidden=512-256,seed=1; the number makes it unique."""
    label = re.sub(r"(?<==)\[([^\[\]{}'\"]*)\]", lambda found: re.sub(r"\s*,\s*", "-", found[1]), job.label)
    return file_name(f"{number}_{label}")


def _write(folder: Path, definition: Mapping[str, Any], listed: Sequence[Entry]) -> None:
    jobs = [{"folder": one.folder, "job": asdict(one.job)} for one in listed]
    with writing(folder / DEFINITION):
        sealing = sealed({**definition, "jobs": jobs}, DEFINITION)
        write_atomic(folder / DEFINITION, to_json(sealing, indent=2) + "\n")


def _refuse(folder: Path, told: str, definition: Mapping[str, Any]) -> NoReturn:
    raise UserError(
        f"{folder}: holds a different sweep: {told}; {_how_to_go_on(folder, definition)}begin this one under another "
        f"sweep.name: {beside(definition.get('command', []), folder)}"
    )


def _how_to_go_on(folder: Path, definition: Mapping[str, Any]) -> str:
    """The command of the sweep in the folder; where the code of plugins has changed, with a copy of that of then, if a
    job has one."""
    there = definition_of(folder)
    command = shlex.join(there.get("command", []))
    if there.get("code", {}) != definition.get("code", {}):
        copies = (folder / entry.folder / CODE for entry in entries(folder))
        copy = next((path for path in copies if path.is_dir()), None)
        if copy is None:
            return ""
        command = f"PYTHONPATH={shlex.quote(str(copy))} {command}"
    return f"go on with that one: {command}; or "


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(folder):
            yield
    except OSError as error:
        raise UserError(f"{folder}: cannot be made or written ({error.strerror}); outputs=DIR moves it") from error


@contextmanager
def claim(folder: Path, entry: Entry) -> Iterator[bool]:
    """Locks a job for this process until the end of the block or of the process; yields whether it succeeded.

    A process locks one job at a time: a second block inside the first one would release both locks.
    """
    with _locked(folder, 1 + entry.number, wait=False) as held:
        yield held


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """A lock on sweep.json: only one process at a time is in such a block. Not to be used inside `claim`."""
    with _locked(folder, 0, wait=True):
        yield


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
