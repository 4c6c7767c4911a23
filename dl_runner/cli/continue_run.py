"""dlrun continue: a new run with the weights of another one."""

import argparse

from dl_runner.cli.options import device_option, run_folder_of


def continue_run(argv: list[str]) -> None:
    """dlrun continue RUN KEY=VALUE…: begin a new run with RUN's last weights and some of its settings changed."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="what differs, such as optimizer.lr=0.01")
        device_option(parser)

    given = run_folder_of("continue", "Begin a new run with the last weights of another one.", argv, more)
    from dl_runner.running.again import continue_run as begin

    begin(given.run, given.overrides, given.device)
