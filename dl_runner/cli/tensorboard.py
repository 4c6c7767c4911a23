"""dlrun tensorboard: TensorBoard over a folder of runs."""

import os
import sys
from pathlib import Path

from dl_runner.cli.options import parser_of
from dl_runner.errors import UserError


def tensorboard(argv: list[str]) -> None:
    """dlrun tensorboard [DIR]: TensorBoard over a folder of runs; further options are TensorBoard's own."""
    parser = parser_of("tensorboard", "Open TensorBoard over a folder of runs; other options are TensorBoard's own.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(os.environ.get("DLRUN_OUTPUT_DIR", "outputs")))
    # The folder comes first: after it, the value of an option of TensorBoard's would be taken for one.
    cut = 1 if argv and (not argv[0].startswith("-") or argv[0] in ("-h", "--help")) else 0
    given, options = parser.parse_args(argv[:cut]), argv[cut:]
    if not given.folder.is_dir():
        raise UserError(f"{given.folder}: no such folder; start a run first, or name the folder that holds the runs")
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(given.folder), *options]
    sys.stdout.flush()
    os.execv(sys.executable, command)
