"""Decode every file below a folder as a training does, and say what became of each: decoded, or refused in one line.

    python scripts/decode_pictures.py FOLDER [--seconds 20] [--mib 4096] [--verbose]

Each file is decoded in a process of its own, which is given so much time and memory. What is neither decoded nor
refused (an exception, a signal, no end) is a failure, and the exit code 1. A good folder is Tests/images of Pillow's
own source.
"""

import argparse
import os
import resource
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from dl_runner.data.depth import white_of
from dl_runner.data.images import NO_MEMORY, decode
from dl_runner.data.picture_files import formats
from dl_runner.errors import UserError

SIZE = (224, 224)


def attempt(path: Path, seconds: int, mib: int) -> tuple[str, str, int, float]:
    """What became of a file, in a word and in its own line; the process's peak of memory in MiB, and the seconds."""
    reading, writing = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if not child:
        os.close(reading)
        signal.alarm(seconds)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (mib << 20),) * 2)
        try:
            pixels = decode(path, SIZE, white=white_of([path]))
            outcome = f"decoded|{tuple(pixels.shape)} mean {pixels.float().mean():.1f}"
        except UserError as error:
            bad = "\n" in str(error) or NO_MEMORY in str(error)
            outcome = f"{'FAILED' if bad else 'refused'}|{error}"
        except BaseException as error:
            outcome = f"FAILED|{type(error).__name__}: {error}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base
        os.write(writing, f"{peak}|{outcome}".encode(errors="backslashreplace"))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        answer = file.read().decode()
    _, status = os.waitpid(child, 0)
    spent = time.monotonic() - began
    if not answer:
        return "FAILED", f"ended by signal {os.WTERMSIG(status)}", 0, spent
    peak, word, text = answer.split("|", 2)
    return word, text, int(peak) >> 10, spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=20, help="that a file may take")
    parser.add_argument("--mib", type=int, default=4096, help="of memory that a file may take")
    parser.add_argument("--verbose", action="store_true", help="a line for every file")
    given = parser.parse_args()
    formats()  # once, and not in every process
    outcomes, most, longest = Counter(), (0, ""), (0.0, "")
    for path in sorted(path for path in given.folder.rglob("*") if path.is_file()):
        word, text, peak, spent = attempt(path, given.seconds, given.mib)
        outcomes[word] += 1
        most, longest = max(most, (peak, str(path))), max(longest, (spent, str(path)))
        if given.verbose or word == "FAILED":
            print(f"{word} {path}: {text} ({peak} MiB, {spent:.2f} s)")
    print(", ".join(f"{count:,} {word}" for word, count in outcomes.most_common()))
    print(f"most memory {most[0]:,} MiB: {most[1]}\nlongest {longest[0]:.2f} s: {longest[1]}")
    sys.exit(1 if outcomes["FAILED"] else 0)


if __name__ == "__main__":
    main()
