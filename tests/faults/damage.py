"""Ways in which files get damaged, and what the commands say about a run folder that was."""

import os
import random
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from helpers import rows
from safetensors.torch import load_file

from dl_runner.cli.app import run

ALL = os.environ.get("DLRUN_FAULTS") == "all"  # else a quick selection
Damage = Callable[[bytes, bytes], bytes]  # what a file holds, and the same file of another run → what it holds from now


def cut(share: float) -> Damage:
    return lambda content, other: content[: int(share * len(content))]


def flipped_bit(seed: int) -> Damage:
    def damage(content: bytes, other: bytes) -> bytes:
        place, bit = random.Random(seed).randrange(len(content)), random.Random(seed).randrange(8)
        return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]

    return damage


def flipped_block(seed: int, size: int = 64) -> Damage:
    """The bits of 64 bytes in a row, as where a sector has gone bad."""

    def damage(content: bytes, other: bytes) -> bytes:
        place = random.Random(seed).randrange(max(1, len(content) - size))
        block = bytes(255 - byte for byte in content[place : place + size])
        return content[:place] + block + content[place + size :]

    return damage


def replaced(what: str) -> Damage:
    def damage(content: bytes, other: bytes) -> bytes:
        return {
            "another run's": other,
            "zeros": bytes(len(content)),
            "random bytes": random.Random(0).randbytes(len(content)),
            "an empty mapping": b"{}\n",
        }[what]

    return damage


CUTS = {"emptied": cut(0), **{f"cut at {share}": cut(share) for share in (0.1, 0.5, 0.9, 0.999)}}
OTHERS = ("another run's", "zeros", "random bytes", "an empty mapping")
REPLACED = {f"replaced by {what}": replaced(what) for what in OTHERS}
FLIPS = {f"bit {seed}": flipped_bit(seed) for seed in range(11)}
FLIPS |= {f"block {seed}": flipped_block(seed) for seed in range(11)}
EVERY = {**CUTS, **REPLACED, **FLIPS}
FEW = {name: EVERY[name] for name in ("cut at 0.5", "bit 0")}


def said(*argv: str) -> tuple[int, str, str]:
    """The exit code of a command line, and what it printed to standard output and standard error."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(list(argv))
    return code, out.getvalue(), err.getvalue()


def results(folder: Path) -> tuple:
    """What a run has come to: its metrics without clocks, and its weights."""
    weights = {path.name: load_file(path) for path in sorted((folder / "checkpoints").glob("*.safetensors"))}
    tensors = {name: {key: one.numpy().tobytes() for key, one in found.items()} for name, found in weights.items()}
    return rows(folder), tensors


def refused(code: int, err: str, name: str) -> str | None:
    """What is wrong with a refusal: exit code 2, one line at the end, the damaged file in it."""
    lines = err.strip().splitlines()
    if code != 2:
        return f"exit code {code}"
    if len([line for line in lines if not line.startswith("dlrun: warning:")]) != 1 or "Traceback" in err:
        return f"not one line: {err}"
    return None if name in err else f"does not name {name}: {err}"
