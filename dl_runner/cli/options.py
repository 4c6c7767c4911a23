"""What the verbs' command lines share."""

import argparse
from collections.abc import Callable
from pathlib import Path

from dl_runner.config.check import check_command
from dl_runner.config.compose import compose
from dl_runner.config.line import config_dir_option, refusing
from dl_runner.config.paths import absolute, asked_root
from dl_runner.config.schema import Config
from dl_runner.config.search_path import checked_folders, checked_name
from dl_runner.config.stored import check_asked, to_plain
from dl_runner.errors import UserError
from dl_runner.plugins import name_plugins


def parser_of(verb: str, purpose: str, composes: bool = False, settings: bool = False) -> argparse.ArgumentParser:
    """A verb's parser; an error in its arguments is a UserError.

    Args:
        composes: whether the verb composes a config, for which --config-dir counts; the others take it, too, so that
            it can be part of the way in which somebody starts dlrun.
        settings: whether its arguments are KEY=VALUE, for `composed`.
    """
    parser = refusing(argparse.ArgumentParser(prog=f"dlrun {verb}", description=purpose, allow_abbrev=False))
    config_dir_option(parser, "" if composes else "changes nothing here: a run folder holds its whole config")
    if settings:
        parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="as for a run")
        parser.add_argument("--config-name", "-cn", metavar="NAME", help="NAME.yaml of your folder is the whole config")
    return parser


def composed(given: argparse.Namespace) -> Config:
    """The checked config of the KEY=VALUE of a verb.

    Raises:
        UserError: something in them does not fit.
    """
    folders = checked_folders(given.config_dir)
    name = "config" if given.config_name is None else checked_name(given.config_name, folders)
    return check_command(to_plain(compose(given.overrides, folders, name)))


def device_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", help="compute here and not where the run did, such as cpu or cuda:1")


def run_folder_of(
    verb: str, purpose: str, argv: list[str], more: Callable[[argparse.ArgumentParser], None] | None = None
) -> argparse.Namespace:
    """The parsed arguments of a verb whose first one is a run folder.

    Raises:
        UserError: it is none, or asks for modules that the user has not named.
    """
    parser = parser_of(verb, purpose)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, such as outputs/digits/lenet/TIME")
    parser.add_argument(
        "--plugins", metavar="NAME,…", default="", help="modules of yours that the run's config names, to be imported"
    )
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="where the folder of all data sets is now")
    if more:
        more(parser)
    given = parser.parse_intermixed_args(argv)
    checked_folders(given.config_dir)
    if given.data_root is not None:
        if not given.data_root.is_dir():
            raise UserError(f"--data-root {given.data_root}: no such folder; name the one that holds the data sets")
        asked_root.set(str(absolute(given.data_root)))
    if not (given.run / "run.json").is_file():
        raise UserError(f"{given.run}: no run folder, it has no run.json; `ls outputs/*/*` shows yours")
    name_plugins([name for name in given.plugins.split(",") if name])
    check_asked(given.run)
    return given
