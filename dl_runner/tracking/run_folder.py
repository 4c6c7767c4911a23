"""The run folder: made exclusively, locked while in use, described by run.json. Imports no torch."""

import contextlib
import fcntl
import itertools
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dl_runner.config.schema import Config
from dl_runner.config.stored import CONFIG, to_yaml
from dl_runner.errors import UserError, WriteFailed
from dl_runner.plugins import changed_code
from dl_runner.runtime.checksums import CHECKSUMS, RECORD, Growing, read_record, sealed, sha256
from dl_runner.runtime.files import overwrite, read_file, to_json, write_atomic, writing
from dl_runner.tracking.metrics_file import METRICS
from dl_runner.tracking.plugin_code import keep_code
from dl_runner.tracking.provenance import checkout, versions
from dl_runner.tracking.tracker import Metrics, Status

LOG = "log.txt"


def create(parent: Path, name: str) -> Path:
    """A new folder `parent/name`, or name_2, name_3 … when taken; no two callers ever get the same one.

    Raises:
        UserError: `parent` cannot be made or written.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            folder = parent / (name if number == 1 else f"{name}_{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise UserError(
            f"outputs: no run folder can be made in {parent} ({error.strerror}); name a writable folder"
        ) from error


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Holds `folder` for this process; the kernel lets go of it however the process ends.

    The lock is on log.txt, so that it needs no file of its own.

    Raises:
        UserError: another process runs in the folder, or it cannot be written.
    """
    try:
        log = (folder / LOG).open("ab")
    except OSError as error:
        raise UserError(f"{folder}: cannot be used as a run folder ({error.strerror})") from error
    with log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{folder}: another process is running in this folder; wait for it or stop it") from None
        try:
            yield
        finally:
            # Closing is not enough: workers forked meanwhile share the open file and with it the lock.
            fcntl.flock(log, fcntl.LOCK_UN)


def is_locked(folder: Path) -> bool:
    """Whether a process runs in `folder` now. Only asks: nothing waits, nothing is written."""
    try:
        log = (folder / LOG).open("rb")
    except OSError:
        return False
    with log:
        try:
            fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)  # let go of at once, as the file closes
        except BlockingIOError:
            return True
    return False


@dataclass(frozen=True)
class Job:
    """One run of a sweep.

    Args:
        label: what the sweep varies in it, KEY=VALUE,….
        identity: the hash of what it computes.
        command: the command line that runs it alone.
    """

    label: str
    identity: str
    command: tuple[str, ...]


class RunRecord:
    """run.json: what ran, where, how it ended. Rewritten in one step at every change.

    Fields, null until known: command (list of text), git ({commit, dirty} of the working directory; null outside a
    checkout), plugins (see `plugin_code.keep_code`), versions (package to text), host ({name, cores}), parameters
    (count), data (a DataSpec), data_fingerprint ({split: see `dl_runner.data.fingerprint`}), left_out ({damaged file of
    the data: what is wrong with it}), seed; device, precision, memory_format, compile, cuda_graphs, threads and
    parallel ({name, processes}) as they were resolved; start and end (ISO 8601, UTC), seconds (of the first run and all
    that resumed it), status, step, metrics (SPLIT/NAME to number), metric_info (see `metric_info`), objective
    ({SPLIT/NAME: best value} of the metric that chose the weights), traceback (text, of a failure), resumed (list of
    {time, step, lost, code}: how it differs), job (`Job`'s fields), parent ({folder, id, step,
    optimizer} of the run whose weights this one began with), id (of this run alone, which its weights and its
    checkpoint have, too), checksums (name of a file to what `runtime.checksums` says of it).
    """

    FIELDS = (
        *("command", "git", "plugins", "versions", "host", "parameters"),
        *("data", "data_fingerprint", "left_out", "seed"),
        *("device", "precision", "memory_format", "compile", "cuda_graphs", "threads", "parallel"),
        *("start", "end", "seconds", "status", "step", "metrics", "metric_info", "objective"),
        *("traceback", "resumed", "job", "parent", "id", CHECKSUMS),
    )

    def __init__(self, folder: Path, fields: dict[str, Any]) -> None:
        self.folder = folder
        self.fields = {name: fields.get(name) for name in self.FIELDS}
        self.told: list[str] = []  # what a person has to know of this start of the run
        self._measured = Growing(folder / METRICS)
        self._earlier = self.fields["seconds"] or 0.0
        self._began = time.monotonic()

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        command: list[str],
        seed: int,
        device: str,
        precision: str,
        job: Job | None = None,
        written: Sequence[str] = (),
        **known: Any,
    ) -> "RunRecord":
        """Writes the record of a run that begins now.

        Args:
            written: names of files in the folder that stay as they are.
            known: further fields, such as parameters and data.
        """
        record = cls(folder, {})
        here = {"name": socket.gethostname(), "cores": os.cpu_count()}
        began = {"start": _now(), "status": "running", "step": 0, "metrics": {}, "resumed": []}
        chosen = {"command": command, "seed": seed, "device": device, "precision": precision}
        chosen |= {"job": asdict(job) if job else None, "id": secrets.token_hex(8)}
        chosen[CHECKSUMS] = {name: sha256(read_file(folder / name)) for name in written}
        record.update(**{"git": checkout(Path.cwd()), "versions": versions(), "host": here} | began | chosen | known)
        return record

    @classmethod
    def load(cls, folder: Path) -> "RunRecord":
        """The record in `folder`; changes nothing.

        Raises:
            UserError: run.json is missing or damaged.
        """
        fields = read_record(folder)
        fields["metrics"] = {name: float(value) for name, value in (fields.get("metrics") or {}).items()}
        fields["seconds"] = float(fields.get("seconds") or 0.0)
        return cls(folder, fields)

    def update(self, **fields: Any) -> None:
        """Sets fields and writes the file.

        Raises:
            TypeError: there is no such field.
        """
        if unknown := set(fields) - set(self.FIELDS):
            raise TypeError(f"run.json has no field {', '.join(sorted(unknown))}")
        self.fields.update(fields)
        self.fields["seconds"] = round(self._earlier + time.monotonic() - self._began, 3)
        with writing(self.folder / RECORD):
            write_atomic(self.folder / RECORD, self._text())

    def _text(self) -> str:
        return to_json(sealed(self.fields), indent=2) + "\n"

    def measured(self, step: int) -> dict[str, Any] | None:
        """Notes that the run has come to `step`, with all that metrics.jsonl holds by now.

        Returns:
            the checksum of metrics.jsonl, None if there is none.
        """
        known = self._measured.checksum()
        self.update(step=step, **self._checksums(known))
        return known

    def _checksums(self, measured: dict[str, Any] | None) -> dict[str, Any]:
        return {CHECKSUMS: {**(self[CHECKSUMS] or {}), METRICS: measured}}

    def resume(self, step: int, measured: dict[str, Any] | None = None, lost: str | None = None) -> None:
        """Notes that the run goes on now, from `step`.

        Args:
            measured: the checksum of the part of metrics.jsonl that is kept.
            lost: what it goes on without.
        """
        code = {name: known["files"] for name, known in (self["plugins"] or {}).items()}
        told = {"lost": lost, "code": changed_code(code)}
        entry = {"time": _now(), "step": step} | {name: text for name, text in told.items() if text}
        entry |= {"told": self.told} if self.told else {}
        resumed = [*(self["resumed"] or []), entry]
        again = {"status": "running", "step": step, "end": None, "traceback": None, "resumed": resumed}
        self.update(**again, **self._checksums(measured))

    def finish(self, status: Status, metrics: Metrics, traceback: str | None = None, **known: Any) -> None:
        """Notes how the run ended, with its final metrics; `known` sets further fields, such as step.

        Where the disk is full, the file is written in its place, with as much of the traceback as there is room for.

        Raises:
            WriteFailed: that was not possible either.
        """
        ended = {"status": status, "metrics": dict(metrics), "traceback": traceback, "end": _now()}
        try:
            self.update(**ended, **self._checksums(self._measured.checksum()), **known)
        except WriteFailed:
            last_line = traceback.strip().splitlines()[-1] if traceback else None
            for told in (traceback, last_line, None):
                self.fields["traceback"] = told
                with contextlib.suppress(OSError):
                    if overwrite(self.folder / RECORD, self._text()):
                        return
            raise


def begin(
    checked: Config,
    folder: Path,
    job: Job | None = None,
    command: Sequence[str] = (),
    written: Sequence[str] = (),
    **known: Any,
) -> RunRecord:
    """Write config.yaml, the plugins' code and run.json of what begins now in `folder`, which the caller holds.

    Args:
        written: names of files that are in the folder by now and stay as they are.
        job: the sweep's job that it is.
        command: the command line, this process's own if left out.
        known: fields of run.json; device and precision are those that the config asks for if left out.
    """
    with writing(folder / CONFIG):
        write_atomic(folder / CONFIG, to_yaml(checked.plain))
    asked = {"device": checked.device.name, "precision": checked.device.precision}
    command = list(command) or ["dlrun", *sys.argv[1:]]
    known = {"plugins": keep_code(folder, checked.plugins), **asked, **known}
    return RunRecord.start(folder, command=command, seed=checked.seed, job=job, written=[CONFIG, *written], **known)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
