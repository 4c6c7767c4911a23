"""Whether the files of a run folder are still as the run wrote them. Imports no torch.

run.json holds the SHA-256 of what is written once (config.yaml, fitted.json), of the part of metrics.jsonl that is
certain to be on disk, and of itself. They find damage, and are no defence against forgery. Runs of before have none,
and are read unchecked.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dl_runner.errors import UserError
from dl_runner.runtime.files import parse_json, read_file, to_json
from dl_runner.runtime.record_fields import unfit

RECORD = "run.json"
CHECKSUMS = "checksums"  # in run.json: name of a file → SHA-256 in hexadecimal; of one that grows, {bytes, sha256}
ON_PURPOSE = f'if you changed it yourself, remove "{CHECKSUMS}" from {RECORD}, and nothing is checked'


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sealed(fields: Mapping[str, Any], name: str = RECORD) -> dict[str, Any]:
    """The fields of the JSON file of that name, with the checksum of themselves."""
    return {**fields, CHECKSUMS: {**(fields.get(CHECKSUMS) or {}), name: _own(fields, name)}}


def is_as_sealed(fields: Mapping[str, Any], name: str = RECORD) -> bool:
    """Whether fields that were read back are those that were sealed; those without checksums are taken as they are."""
    known = fields.get(CHECKSUMS)
    return not known or (isinstance(known, Mapping) and known.get(name) == _own(fields, name))


def _own(fields: Mapping[str, Any], name: str) -> str:
    others = {other: one for other, one in (fields.get(CHECKSUMS) or {}).items() if other != name}
    return sha256(to_json({**fields, CHECKSUMS: others}).encode())


def read_record(folder: Path) -> dict[str, Any]:
    """The fields of the run.json in `folder`.

    Raises:
        UserError: it is missing, damaged, or not as it was written; names the field that is of the wrong type.
    """
    path = folder / RECORD
    fields = parse_json(path, read_file(path))
    if not isinstance(fields, dict) or not isinstance(fields.get("status"), str):
        raise UserError(f"{path}: damaged, not the record of a run; restore it")
    if (wrong := unfit(fields)) is not None:
        raise UserError(f"{path}: damaged, {wrong}; restore it")
    if not is_as_sealed(fields):
        raise UserError(f"{path}: damaged, not as the run wrote it; restore it ({ON_PURPOSE})")
    return fields


def known_checksum(path: Path) -> Any:
    """What the run.json beside a file of a run folder says of the file; None where it says nothing or there is none.

    Raises:
        UserError: run.json is damaged.
    """
    if not (path.parent / RECORD).exists():
        return None
    return (read_record(path.parent).get(CHECKSUMS) or {}).get(path.name)


def read_checked(path: Path) -> bytes:
    """The content of a file of a run folder, the same as the run wrote.

    Raises:
        UserError: it cannot be read, or is not what run.json says.
    """
    content, known = read_file(path), known_checksum(path)
    if known is not None and sha256(content) != known:
        raise UserError(f"{path}: damaged, not as the run wrote it; restore it ({ON_PURPOSE})")
    return content


def begins_as(content: bytes, known: Any) -> bool:
    """Whether a file that grows begins as `Growing.checksum` once said of it; any does that nothing is known of."""
    if not isinstance(known, Mapping):
        return known is None
    size = known.get("bytes")
    return isinstance(size, int) and 0 <= size <= len(content) and sha256(content[:size]) == known.get("sha256")


class Growing:
    """The checksum of a file to which rows are appended."""

    def __init__(self, path: Path) -> None:
        self._path, self._digest, self._bytes = path, hashlib.sha256(), 0

    def __reduce__(self) -> tuple[type["Growing"], tuple[Path]]:
        return Growing, (self._path,)  # in another process it reads the file anew

    def checksum(self) -> dict[str, Any] | None:
        """{bytes, sha256} of all that the file holds by now, which is on disk when this returns; None without a file.

        Reads what has been added since the last call.
        """
        if not self._path.exists():
            return None
        with self._path.open("rb") as file:
            file.seek(self._bytes)
            added = file.read()
            os.fsync(file.fileno())
        self._digest.update(added)
        self._bytes += len(added)
        return {"bytes": self._bytes, "sha256": self._digest.hexdigest()}
