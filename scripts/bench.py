"""Time dlrun beside the notes' loop, Lightning and a bare PyTorch loop, end to end, and write docs/speed.md.

    python scripts/bench.py                              # every model; hours on two cores
    python scripts/bench.py lenet mlp --rounds 3
    python scripts/bench.py vgg --limit 512 --arms notes dlrun
    python scripts/bench.py --accuracy                   # does the fast path cost accuracy? a seed each round
    python scripts/bench.py --table-only                 # draw the tables anew from docs/speed.json

What is measured and how is told in docs/speed.md. A model's figures are written when it is done, so a run that is
stopped keeps the models before. The machine must be idle; the load average is written beside the figures.
"""

import argparse
import importlib.util
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.cases import CASES, SMALL, Case
from benchmark.environment import Environment
from benchmark.measure import ARMS
from benchmark.process import ArmFailed
from benchmark.rounds import accuracy, speed
from benchmark.tables import Book, accuracy_table, speed_table
from dl_runner.errors import UserError

ROOT = Path(__file__).parents[1]


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 1 when an arm failed."""
    given = arguments(argv)
    book = Book(given.docs)
    if given.table_only:
        book.write()
        return 0
    if (
        not given.accuracy
        and any("lightning" in arm for arm in given.arms)
        and not importlib.util.find_spec("lightning")
    ):
        raise UserError(
            "lightning: is not installed; `pip install --editable '.[bench]'` brings it, "
            "--arms notes bare dlrun leaves it out"
        )
    command = shlex.join(["python", "scripts/bench.py", *(sys.argv[1:] if argv is None else argv)])
    here, failed = Environment.here(), False
    for name in given.models or (SMALL if given.accuracy else CASES):
        print(f"== {name}", file=sys.stderr, flush=True)
        case = sized(CASES[name], given)
        if given.accuracy:
            entry = accuracy(name, case, given.rounds or 3, given.epochs, here, command)
            print(accuracy_table([entry]), flush=True)
        else:
            entry = speed(name, case, given.arms, here, command)
            print(speed_table(entry), flush=True)
        book.add("accuracy" if given.accuracy else "speed", entry)
        failed |= bool(entry["errors"])
    return int(failed)


def sized(case: Case, given: argparse.Namespace) -> Case:
    """The case with the command line's numbers in place of its own."""
    train, test = (60_000, 10_000) if given.accuracy else (case.train, case.test)
    train = given.limit or train
    return replace(
        case,
        train=train,
        test=given.test_limit or min(train, test),
        epochs=given.epochs or case.epochs,
        rounds=given.rounds or case.rounds,
    )


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(CASES)} (default: all)")
    parser.add_argument("--rounds", type=positive, help="how often each arm runs; with --accuracy the seeds")
    parser.add_argument("--epochs", type=positive, help="at least 2, the first of which is not timed")
    parser.add_argument("--limit", type=positive, metavar="N", help="so many training images, and no more test images")
    parser.add_argument("--test-limit", type=positive, metavar="N", help="so many test images")
    parser.add_argument(
        "--arms", nargs="+", default=list(ARMS), choices=ARMS, metavar="ARM", help=f"of {', '.join(ARMS)}"
    )
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where speed.json and speed.md are")
    parser.add_argument("--accuracy", action="store_true", help="compare accuracies with the plain fp32 loop instead")
    parser.add_argument("--table-only", action="store_true", help="run nothing")
    given = parser.parse_args(argv)
    for name in given.models:
        if name not in CASES:
            parser.error(f"{name}: no such model; choose of {', '.join(CASES)}")
    if given.epochs == 1:
        parser.error("--epochs 1: the first epoch is not timed, so it takes two")
    return given


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if (number := int(text)) < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (UserError, ArmFailed) as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UserError) else 1)
    except KeyboardInterrupt:
        print("bench: stopped; the models before this one are in speed.md", file=sys.stderr)
        sys.exit(130)
