"""dlrun predict: a run's weights on a user's own inputs."""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from dl_runner.cli.options import device_option, run_folder_of
from dl_runner.errors import UserError

SHOWN = 20  # rows of a split
_OURS = (
    "--weights",
    "--device",
    "--out",
    "--split",
    "--attention",
    "--plugins",
    "--data-root",
    "--help",
    "--config-dir",
)
_VALUE = re.compile(r"-?\d+(\.\d*)?([eE]-?\d+)?|true|false|null")  # what may follow an option without =


def predict(argv: list[str]) -> None:
    """dlrun predict RUN INPUT…: what a run's model makes of your own pictures, texts or tables."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "inputs",
            nargs="*",
            metavar="INPUT",
            help="picture or table files, folders of pictures, texts in quotes, or files of texts, one a line; - reads "
            "such lines from the standard input",
        )
        parser.add_argument("--weights", choices=["best", "last", "ema"], help="default: best if there are, else last")
        device_option(parser)
        parser.add_argument(
            "--out", type=Path, metavar="DIR|FILE.csv", help="where pictures are written, or a file for all answers"
        )
        parser.add_argument(
            "--split",
            choices=["train", "validation", "test"],
            help="ask about the examples of the run's own data instead",
        )
        parser.add_argument("--attention", metavar="FILE.png", help="draw what a translator looks at as it writes")
        parser.epilog = (
            "Further options are the task's: --top 5 --invert for classes, --length 200 --temperature 0.8 for texts, "
            "--beam 4 --length-penalty 0.75 for translations."
        )

    asked = ["predict", *argv]
    argv, options = split_options(argv)
    given = run_folder_of("predict", "Ask a run's model about your own inputs.", argv, more)
    if given.attention is not None:
        options["attention"] = given.attention
    from dl_runner.report.answers import check_folder, is_table_file, render, write_table
    from dl_runner.running.code_record import told_of_code
    from dl_runner.running.inference import predict as answers
    from dl_runner.tracking.console import Terminal

    for_file = is_table_file(given.out)
    if given.split is not None:
        rows = _of_split(given, options)
    else:
        for told in told_of_code(given.run, asked):
            print(f"dlrun: warning: {told}", file=sys.stderr)
        rows = answers(given.run, given.inputs, given.weights, options, given.device, for_file=for_file)
    if for_file:
        write_table(rows, given.out)
        print(f"{len(rows):,} rows: {given.out}")
        return
    if given.out is not None:
        check_folder(rows, given.out)
    shown = rows if given.split is None else rows[:SHOWN]
    Terminal().print(render(shown, given.out or Path()))
    if len(shown) < len(rows):
        print(f"the first {len(shown)} of {len(rows):,}; --out FILE.csv has all")


def _of_split(given: argparse.Namespace, options: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the examples of a split.

    Raises:
        UserError: inputs are named beside it.
    """
    if given.inputs:
        raise UserError(f"--split {given.split}: is about the run's own data; leave {given.inputs[0]} out")
    from dl_runner.running.inference import predict_split

    rows, changed = predict_split(given.run, given.split, given.weights, options, given.device)
    for change in changed:
        print(f"dlrun: warning: {change}", file=sys.stderr)
    return rows


def split_options(argv: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The arguments of every task, and the options of this one, which only the run can tell: --NAME, --NAME=VALUE, or
    --NAME VALUE where the value is a number or true, false or null."""
    ours: list[str] = []
    options: dict[str, Any] = {}
    rest = iter(range(len(argv)))
    for place in rest:
        name, equals, text = argv[place].partition("=")
        if not name.startswith("--") or name in _OURS or name == "--":
            ours.append(argv[place])
            continue
        following = argv[place + 1] if place + 1 < len(argv) else ""
        if not equals and _VALUE.fullmatch(following):
            text, equals = following, "="
            next(rest)
        options[name[2:].replace("-", "_")] = _read(text) if equals else True
    return ours, options


def _read(text: str) -> Any:
    if text in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text]
    if not _VALUE.fullmatch(text):
        return text
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
