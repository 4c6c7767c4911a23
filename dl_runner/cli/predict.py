"""dlrun predict: a run's weights on a user's own inputs."""

import argparse
from pathlib import Path

from dl_runner.cli.options import run_folder_of
from dl_runner.errors import UserError


def predict(argv: list[str]) -> None:
    """dlrun predict RUN IMAGE…: the most probable classes of your own pictures."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="picture files")
        parser.add_argument("--top", type=int, default=3, metavar="K", help="classes per picture (default 3)")
        parser.add_argument("--weights", choices=["best", "last"], help="default: best if there are, else last")
        parser.add_argument("--invert", action="store_true", help="for dark-on-light pictures of light-on-dark data")

    given = run_folder_of("predict", "Name the classes of your own pictures.", argv, more)
    if given.top < 1:
        raise UserError(f"--top {given.top}: expected a whole number at least 1")
    from rich.console import Console

    from dl_runner.report.predictions import render
    from dl_runner.run.inference import predict_images

    Console().print(
        render(given.images, predict_images(given.run, given.images, given.top, given.weights, given.invert))
    )
