"""dlrun tensorboard: TensorBoard over a folder of runs."""

import os
import sys
from pathlib import Path

from dl_runner.cli.options import parser_of
from dl_runner.config.paths import default_outputs
from dl_runner.config.search_path import checked_folders
from dl_runner.errors import UserError


def tensorboard(argv: list[str]) -> None:
    """dlrun tensorboard [DIR]: TensorBoard over a folder of runs; further options are TensorBoard's own."""
    parser = parser_of("tensorboard", "Open TensorBoard over a folder of runs; other options are TensorBoard's own.")
    parser.usage = "dlrun tensorboard [DIR] [OPTION …]"
    given, options = parser.parse_known_args(argv)
    checked_folders(given.config_dir)
    # The folder comes first: after it, the value of an option of TensorBoard's would be taken for one.
    named = bool(options) and not options[0].startswith("-")
    folder = Path(options.pop(0)) if named else default_outputs()
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; start a run first, or name the folder that holds the runs")
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), *options]
    sys.stdout.flush()
    os.execv(sys.executable, command)
