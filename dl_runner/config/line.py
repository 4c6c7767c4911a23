"""A Hydra command line taken apart: options, which may stand anywhere, overrides, and the user's own config folders.

Imports no torch.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import dl_runner
from dl_runner.config.overrides import key_of, read_overrides
from dl_runner.config.search_path import checked_name, groups, searching
from dl_runner.errors import UserError

_FIXED_KEYS = ("sweep", "device", "parallel", "tracker")  # sections that have the same keys whatever is chosen


@dataclass(frozen=True)
class Line:
    """What one command line says.

    Args:
        arguments: as the user typed them.
        options: Hydra's own, in its spelling.
        overrides: KEY=VALUE.
        folders: of the user's own configs, the first one first.
        multirun: whether it is a sweep (-m).
        made: the folder of what it has run, noted by what makes it.
    """

    arguments: tuple[str, ...]
    options: tuple[str, ...]
    overrides: tuple[str, ...]
    folders: tuple[Path, ...]
    multirun: bool
    made: list[Path] = field(default_factory=list)

    @property
    def config_name(self) -> str:
        """The config as a whole."""
        return next((one.partition("=")[2] for one in self.options if one.startswith("--config-name=")), "config")

    def repeated(self) -> dict[str, list[str]]:
        """The keys that stand there more than once with different values: key → KEY=VALUE, of which the last counts."""
        found: dict[str, list[str]] = {}
        for one in self.overrides:
            if not one.startswith("~"):
                found.setdefault(key_of(one), []).append(one)
        return {key: given for key, given in found.items() if len(set(given)) > 1}

    @property
    def for_hydra(self) -> list[str]:
        """The arguments with which Hydra composes the sweep as a whole, or the run."""
        if "--hydra-help" in self.options:  # which composes a config of Hydra's own
            return list(self.options)
        return [*self.options, *(self._for_the_whole() if self.multirun else self.overrides)]

    def _for_the_whole(self) -> Iterator[str]:
        """A key of a section whose choice is swept exists for some of the jobs only. Written as the one choice that it
        is, Hydra leaves it to them."""
        from hydra.core.override_parser.overrides_parser import OverridesParser

        parsed = OverridesParser.create().parse_overrides(list(self.overrides))
        swept = {one.key_or_group for one in parsed if one.is_sweep_override()} & set(groups())
        everything = bool(swept & {"experiment", "debug"})
        for text, override in zip(self.overrides, parsed, strict=True):
            section, dot, _ = key_of(text).partition(".")
            waits = dot and (section in swept or everything) and section not in (*_FIXED_KEYS, "hydra")
            if not waits or override.is_sweep_override():
                yield text
            elif not override.is_delete():
                key, _, value = text.partition("=")
                yield f"{key}=choice({value})" if value else text

    @contextmanager
    def active(self) -> Iterator[None]:
        """Meanwhile it is the command line that is being carried out."""
        token = _active.set(self)
        try:
            with searching(self.folders):
                yield
        finally:
            _active.reset(token)


_active: ContextVar[Line | None] = ContextVar("line", default=None)


def active_line() -> Line | None:
    """The command line that is being carried out, None where something else uses Hydra."""
    return _active.get()


def refusing(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The parser, whose errors are a UserError and not a text about its usage.

    argparse's messages say which option is meant, so the name of the verb is all that they lack.
    """

    def error(message: str) -> NoReturn:
        verb = parser.prog.removeprefix("dlrun").strip()
        if message.startswith("unrecognized arguments: "):  # argparse names those behind it, too
            word = next((one for one in message.split()[2:] if one.startswith("-")), message.split()[2])
            unknown = "no such option; settings are KEY=VALUE, without dashes"
            message = f"{word}: {unknown if word.startswith('-') else 'one argument too many'}"
        raise UserError(f"{verb}: {message}; `dlrun {verb} --help` shows what it takes" if verb else _plain(message))

    parser.error = error  # type: ignore[method-assign]
    return parser


def _plain(message: str) -> str:
    return f"{message.removeprefix('argument ')}; `dlrun --help` shows what there is"


def config_dir_option(parser: argparse.ArgumentParser, text: str = "") -> None:
    """Adds the option for the user's own config folders; `text` is its help."""
    text = text or "a folder of your own with more choices, which come first"
    parser.add_argument("--config-dir", "-cd", action="append", default=[], metavar="DIR", help=text)


def read_line(arguments: Sequence[str]) -> Line:
    """Take a command line apart.

    Raises:
        UserError: an option, an argument or a folder that is wrong.
    """
    given = _parser().parse_intermixed_args(list(arguments))
    if given.config_path is not None:
        raise UserError(
            f"--config-path {given.config_path}: would replace the choices that dlrun has; --config-dir DIR adds your "
            "own, and they come first"
        )
    if given.experimental_rerun is not None:
        raise UserError("--experimental-rerun: reads a pickle, which can run code; dlrun resume RUN goes on with a run")
    overrides, folders = read_overrides(given.overrides, given.config_dir)
    if given.config_name is not None:
        given.config_name = checked_name(given.config_name, folders)
    if given.config_name is not None or any((folder / "config.yaml").is_file() for folder in folders):
        overrides = [*_OURS, *overrides]
    options = tuple(_options(given))
    _check_together(given)
    return Line(tuple(arguments), options, tuple(overrides), folders, given.multirun)


# What conf/config.yaml sets of Hydra's own, for a config as a whole that another file is.
_OURS = (
    *("hydra/sweeper=dl_runner", "hydra/hydra_logging=none", "hydra/job_logging=none", "hydra.output_subdir=null"),
    *("hydra.run.dir=.", "hydra.sweep.subdir=.", "hydra.sweep.dir='${expanduser:${outputs}}/sweeps/${sweep.name}'"),
)


def _parser() -> argparse.ArgumentParser:
    """Hydra's, with --config-dir as often as one likes."""
    from hydra._internal.utils import get_args_parser

    options = {"prog": "dlrun", "add_help": False, "allow_abbrev": False, "conflict_handler": "resolve"}
    parser = argparse.ArgumentParser(parents=[get_args_parser()], **options)
    config_dir_option(parser)
    parser.add_argument("--version", action="version", version=f"dlrun {dl_runner.__version__}")
    return refusing(parser)


def _check_together(given: argparse.Namespace) -> None:
    """Check that options go together.

    Raises:
        UserError: they do not.
    """
    shows = [f"--{name}" for name in ("cfg", "info") if getattr(given, name) is not None]
    if given.multirun and shows:
        raise UserError(f"-m: {shows[0]} shows the config of one run; leave -m out, and give each key a single value")
    does = [f"--{name.replace('_', '-')}" for name in ("run", "multirun", "shell_completion") if getattr(given, name)]
    if len(does + shows) > 1:
        raise UserError(f"{' and '.join(does + shows)}: are two things to do; keep one of them")
    for name in ("resolve", "package"):
        if getattr(given, name) and given.cfg is None and not (given.help and name == "resolve"):
            raise UserError(f"--{name}: belongs to --cfg, as in dlrun --cfg job --{name}")


def _options(given: argparse.Namespace) -> Iterator[str]:
    flags = ("help", "hydra_help", "resolve", "run", "multirun", "shell_completion")
    yield from (f"--{flag.replace('_', '-')}" for flag in flags if getattr(given, flag))
    for name in ("cfg", "package", "config_name", "info"):
        if (value := getattr(given, name)) is not None:
            yield f"--{name.replace('_', '-')}={value}"
