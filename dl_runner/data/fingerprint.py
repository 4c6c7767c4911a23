"""What a run folder keeps of its data, so that they are known again: short digests of each split, and how they differ.

The fingerprint of a split is {"examples": how many, "content": a digest of all of them in their order, "files": four
hexadecimal digits for each file that it is read from, to say which one has changed}. It is the same whether the files
are decoded at the start or as batches need them.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dl_runner.data.dataset import Data
from dl_runner.data.splits import Split
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec

SPLITS = ("train", "validation", "test")
# Bytes of a split's files, about 3 s of one core (sha256); of more, three pieces of each are read instead of all of it.
READ_WHOLE = 4 << 30
PIECE = 4096
THREADS = 8  # reading from a distant disk is waiting
DIGITS = 4  # of a file, of at most LISTED files
LISTED = 10_000


def fingerprints(data: Data) -> dict[str, dict[str, Any]]:
    """The fingerprint of each split that there is.

    Raises:
        UserError: a file cannot be read.
    """
    there = {name: getattr(data, name) for name in SPLITS}
    return {name: fingerprint(split) for name, split in there.items() if split is not None}


def fingerprint(split: Split) -> dict[str, Any]:
    """See above.

    Raises:
        UserError: a file cannot be read.
    """
    digests = file_digests(split.files)
    content = hashlib.sha256(split.digest() + b"".join(digests)).hexdigest()[:16]
    listed = "".join(one.hex()[:DIGITS] for one in digests) if len(digests) <= LISTED else ""
    return {"examples": len(split), "content": content, "files": listed}


def file_digests(files: Sequence[Path]) -> list[bytes]:
    """32 bytes for each file, which change with its content; of its size, beginning, middle and end alone where all
    files together have more than READ_WHOLE bytes.

    Raises:
        UserError: a file cannot be read.
    """
    try:
        whole = sum(file.stat().st_size for file in files) <= READ_WHOLE
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(_digest, files, [whole] * len(files)))
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror}); restore or remove it") from None


def _digest(file: Path, whole: bool) -> bytes:
    with file.open("rb", buffering=0) as opened:
        size = opened.seek(0, 2)
        digest = hashlib.sha256(size.to_bytes(8, "big"))
        if whole or size <= 3 * PIECE:
            opened.seek(0)
            digest.update(opened.readall())
        else:
            for place in (0, size // 2, size - PIECE):
                opened.seek(place)
                digest.update(opened.read(PIECE))
    return digest.digest()


def content_changes(before: Mapping[str, Mapping[str, Any]], data: Data, splits: Sequence[str] = SPLITS) -> list[str]:
    """How the content of splits differs from that on record, a line for each; [] where nothing is on record.

    Raises:
        UserError: a file cannot be read.
    """
    if not before:
        return []
    found = [(name, before.get(name), getattr(data, name)) for name in splits]
    return [f"the {name} split {told}" for name, *both in found if (told := _change(*both))]


def _change(before: Mapping[str, Any] | None, split: Split | None) -> str | None:
    if before is None or split is None:
        return None if before is split else "is new" if before is None else "is gone"
    now = fingerprint(split)
    if all(now[key] == before.get(key) for key in ("examples", "content")):
        return None
    if now["examples"] != before.get("examples"):
        told = f"had {before.get('examples'):,} examples and has {now['examples']:,}"
    else:
        told = f"has other content in its {now['examples']:,} examples"
    place = _first_difference(before.get("files", ""), now["files"])
    if place is None:
        return told
    where = f"first at {split.files[place]}" if place < len(split.files) else f"those after {split.files[-1]} are gone"
    return f"{told}, {where}"


def _first_difference(before: str, now: str) -> int | None:
    """The number of the first file whose digits differ, None where they are not known or do not."""
    if not before or not now:
        return None
    places = range(0, max(len(before), len(now)), DIGITS)
    return next((at // DIGITS for at in places if before[at : at + DIGITS] != now[at : at + DIGITS]), None)


def spec_changes(before: DataSpec, now: DataSpec) -> list[str]:
    """How the kinds of data differ, a line for each difference."""
    return list(_differing("", before.to_dict(), now.to_dict()))


def _differing(key: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in {**before, **now}:
            yield from _differing(f"{key}.{name}" if key else name, before.get(name), now.get(name))
    elif before != now and key.rpartition(".")[2] == "names" and before and now:
        yield _other_classes(before, now)
    elif before != now:
        yield f"{key} was {before} and is {now}"


def _other_classes(before: Sequence[str], now: Sequence[str]) -> str:
    gone, new = ([name for name in one if name not in other] for one, other in ((before, now), (now, before)))
    told = [f"without {', '.join(gone)}" if gone else "", f"with {', '.join(new)}, new" if new else ""]
    return "the classes are now " + (" and ".join(filter(None, told)) or f"in another order: {', '.join(now)}")
