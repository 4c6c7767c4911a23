"""Downloads of official data files: checked by their digests, with their progress shown, whole or not at all.

Pooch does not replace it: a file that it fetched has mode 0600, so that nobody else can read a shared folder; a failure
or Ctrl-C leaves an empty folder; an archive that a server sends with Content-Encoding: gzip arrives unpacked, and then
its digest is wrong (pooch 1.9.0).
"""

import hashlib
import http.client
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dl_runner.data.files import staged
from dl_runner.errors import UserError
from dl_runner.runtime.progress import advancing

TIMEOUT = 30  # seconds without a byte
CHUNK = 1 << 18


@dataclass(frozen=True)
class Remote:
    """A file that can be had from the network.

    Args:
        name: its name in the folder of the data set.
        digest: of the whole file, hexadecimal: its md5, or its sha1 of 40 digits.
        mirrors: addresses of folders that hold it, with a final slash, best first.
    """

    name: str
    digest: str
    mirrors: tuple[str, ...]


class DownloadFailed(Exception):
    """Why one mirror did not deliver, in a few words."""


def obtain(files: Sequence[Remote], folder: Path, root: Path, *, download: bool) -> None:
    """Puts each of `files` into `folder`; call it with what is missing.

    Args:
        files: none means nothing to do.
        folder: made if need be, once a server has answered.
        root: the folder of all data sets, for the message.
        download: False only complains.

    Raises:
        UserError: not allowed, or no mirror delivered; says which files belong where.
    """
    for file in files:
        reason = _fetch(file, folder) if download else "data.download is false"
        if reason:
            names = ", ".join(file.name for file in files if not (folder / file.name).exists())
            raise UserError(
                f"missing data and no download ({reason}); put {names} into {folder}; "
                f"DLRUN_DATA_DIR names the folder of all data sets (now {root})"
            )


def _fetch(file: Remote, folder: Path) -> str | None:
    """None when a mirror delivered, else why none did."""
    reasons = []
    for mirror in file.mirrors:
        try:
            _fetch_from(mirror, file, folder)
            return None
        except (OSError, http.client.HTTPException, DownloadFailed) as error:
            host = mirror.split("/")[2] or mirror
            reasons.append(f"{host}: {' '.join(str(error).split()) or type(error).__name__}")
    return "; ".join(reasons)


def _fetch_from(mirror: str, file: Remote, folder: Path) -> None:
    with (
        urllib.request.urlopen(mirror + file.name, timeout=TIMEOUT) as response,
        staged(folder / file.name) as temporary,
        temporary.open("w+b") as output,
        advancing(f"downloading {file.name}", _size(response), "MB", 1e6, at_once=True) as advance,
    ):
        while chunk := response.read(CHUNK):
            output.write(chunk)
            advance(len(chunk))
        output.seek(0)
        kind = "sha1" if len(file.digest) == 40 else "md5"
        digest = hashlib.file_digest(output, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
        if digest != file.digest:
            raise DownloadFailed(f"sent a damaged {file.name} ({kind} {digest}, expected {file.digest})")


def _size(response: http.client.HTTPResponse) -> int | None:
    """The bytes that a server says it sends."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None
