"""What is wrong or odd about the picture files of a data set, found by decoding each of them."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dl_runner.data.images import load, to_pixels
from dl_runner.data.splits import FileSplit
from dl_runner.errors import UserError
from dl_runner.runtime.progress import in_threads

RARE = 0.1  # share of the files up to which another mode or depth than most files' is odd
LONGEST = 3.0  # longer side ÷ shorter side, above which most of the picture is cut off
MOST_ENLARGED = 4.0


@dataclass(frozen=True)
class Finding:
    """One thing about a file.

    Args:
        kind: a word or two, the same for all of this kind.
        text: what it is, in detail.
    """

    kind: str
    path: Path
    text: str


@dataclass(frozen=True)
class _Look:
    """A file as it was found; of one that cannot be used, `error` alone."""

    path: Path
    place: str  # its split
    label: int
    error: str | None = None
    content: bytes = b""  # digests of the file, and of the pixels that a model gets
    pixels: bytes = b""
    size: tuple[int, int] = (1, 1)
    mode: str = ""
    bits: int = 8
    animated: bool = False
    blank: bool = False


def inspect(splits: Mapping[str, FileSplit], classes: Sequence[str]) -> list[Finding]:
    """Damaged, duplicate and odd files, in this order.

    Args:
        splits: by their names.
        classes: in the order of the labels.
    """
    looks = []
    for name, split in splits.items():
        files = list(zip(split.paths, split.targets.tolist(), strict=True))
        looks += in_threads(lambda file, at=(name, split): _look(*file, *at), files, f"checking the {name} pictures")
    damaged = [Finding("damaged", look.path, look.error) for look in looks if look.error]
    good = [look for look in looks if not look.error]
    return [*damaged, *_duplicates(good, classes), *_odd(good, next(iter(splits.values())).image_size)]


def _look(path: Path, label: int, place: str, split: FileSplit) -> _Look:
    try:
        with load(path) as (picture, bits):
            size, mode, animated = picture.size, picture.mode, getattr(picture, "is_animated", False)
            pixels = to_pixels(picture, bits, path, (split.image_size, split.image_size), 3, split.white)
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "blake2b").digest()
    except (UserError, OSError) as error:
        return _Look(path, place, label, error=str(error).removeprefix(f"{path}: "))
    blank = bool((pixels == pixels[:, :1, :1]).all())
    digest = hashlib.blake2b(pixels.numpy().tobytes()).digest()
    return _Look(path, place, label, None, content, digest, size, mode, bits, animated, blank)


def _duplicates(looks: Sequence[_Look], classes: Sequence[str]) -> Iterator[Finding]:
    """One for each set of pictures that a model cannot tell apart; the worst first: in two splits, in two classes."""
    groups: dict[bytes, list[_Look]] = defaultdict(list)
    for look in looks:
        if not look.blank:
            groups[look.pixels].append(look)
    found = []
    for first, *others in groups.values():
        if not others:
            continue
        places = list(dict.fromkeys(look.place for look in (first, *others)))
        labels = list(dict.fromkeys(classes[look.label] for look in (first, *others)))
        same = "bytes" if all(look.content == first.content for look in others) else "pixels"
        kind = f"in {' and '.join(places)}" if len(places) > 1 else "in two classes" if len(labels) > 1 else "duplicate"
        inside = f" ({', '.join(labels)})" if len(labels) > 1 else ""
        rank = (len(places) == 1, len(labels) == 1)
        text = f"the same {same}{inside} as {', '.join(str(look.path) for look in others)}"
        found.append((rank, Finding(kind, first.path, text)))
    return (finding for _, finding in sorted(found, key=lambda pair: pair[0]))


def _odd(looks: Sequence[_Look], side: int) -> Iterator[Finding]:
    modes, depths = (Counter(getattr(look, name) for look in looks) for name in ("mode", "bits"))
    for look in looks:
        width, height = look.size
        most = modes.most_common(1)[0][0]
        if look.mode != most and modes[look.mode] <= RARE * len(looks):
            yield Finding("odd mode", look.path, f"{look.mode}, where most are {most}")
        if look.bits > 8 and len(depths) > 1:
            yield Finding("odd depth", look.path, f"{look.bits} bits a channel, where others have {min(depths)}")
        if max(look.size) > LONGEST * min(look.size):
            share = 1 - min(look.size) / max(look.size)
            yield Finding("odd shape", look.path, f"{width}×{height}, of which {share:.0%} are cut off")
        if side > MOST_ENLARGED * min(look.size):
            yield Finding("odd size", look.path, f"{width}×{height}, enlarged {side / min(look.size):.1f} times")
        if look.animated:
            yield Finding("odd frames", look.path, "several frames, of which only the first is used")
        if look.blank:
            yield Finding("blank", look.path, "all its pixels are the same")
