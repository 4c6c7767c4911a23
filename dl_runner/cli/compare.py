"""dlrun compare: runs side by side."""

from dl_runner.cli.options import parser_of
from dl_runner.config.search_path import checked_folders


def compare(argv: list[str]) -> None:
    """dlrun compare [DIR…]: a table of runs, their learning curves, and what the hyperparameters do."""
    from dl_runner.report.compare import command

    parser = parser_of("compare", "Set runs side by side: what they differ in, and how they went.")
    command.add_options(parser)
    given = parser.parse_intermixed_args(command.join_sort(argv))
    checked_folders(given.config_dir)
    command.compare(given)
