"""Lines that ask for something else than a run: a command by another name, a run folder, a config file."""

import difflib
import shlex
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from dl_runner.config.hints.draft import OR, WITH_VALUE, WRITE
from dl_runner.config.hints.vocabulary import COMMANDS, OF_RUNS, SECTIONS, STARTS, SWEEPS, folded
from dl_runner.config.paths import absolute, shown
from dl_runner.config.search_path import group_named, rerun_command
from dl_runner.runtime.checksums import RECORD

_CONFIGS = ("config", "configname", "cn")
_NEAR = 0.75
_SETTINGS = ("summary", "check")  # what takes KEY=VALUE
_ALONE = ("compare", "tensorboard", "list")  # what needs no more


def elsewhere(words: Sequence[str], commands: Collection[str]) -> str | None:
    """One line about what the command line asks for, None for a run.

    Args:
        commands: the verbs that there are.
    """
    return _file_or_folder(words) or _command(words, commands) or _behind(words, commands)


def _command(words: Sequence[str], commands: Collection[str]) -> str | None:
    first, *rest = words or [""]
    if not first or first.startswith("-") or "=" in first:
        return None
    if first in (*STARTS, *SWEEPS) and first not in commands:
        return None
    group = group_named(first.lower()) or SECTIONS.get(folded(first).removesuffix("s"))
    if group and not rest:
        return f"{first}: which one?{WRITE}dlrun list {group}"
    near = difflib.get_close_matches(first.lower(), sorted(commands), n=1, cutoff=_NEAR)
    command = first.lower() if first.lower() in commands else COMMANDS.get(folded(first), *near[:1] or [None])
    takes_settings = command in _SETTINGS
    if command is None or not (rest or command in _ALONE) or (not takes_settings and any("=" in one for one in rest)):
        return None
    asked = f"did you mean {command}?" if near else f"it is called {command}"
    return f"{first}: no such command; {asked}{WRITE}{shlex.join(['dlrun', command, *rest])}"


def _behind(words: Sequence[str], commands: Collection[str]) -> str | None:
    """A command that does not stand first."""
    places = [place for place, word in enumerate(words) if word in commands and words[place - 1] not in WITH_VALUE]
    others = [word for place, word in enumerate(words) if place not in places]
    if len(places) != 1 or (words[places[0]] not in _SETTINGS and any("=" in word for word in others)):
        return None
    command = words[places[0]]
    return f"{command}: a command stands first{WRITE}{shlex.join(['dlrun', command, *others])}"


def _file_or_folder(words: Sequence[str]) -> str | None:
    for word, key in _paths(words):
        path = shown(absolute(word))
        if _is_file(path / RECORD):
            return _of_run(word, path, key)
        if path.suffix in (".yaml", ".yml") and _is_file(path):
            if _is_file(path.parent / RECORD):
                told = "is the config of a run, and a copy of it runs again"
                return f"{word}: {told}{WRITE}{rerun_command(path.parent)}"
            command = ["dlrun", "--config-dir", str(path.parent), "--config-name", path.stem]
            return f"{word}: a config file is named by its folder and its name{WRITE}{shlex.join(command)}"
    if asked := next((one for one in words if folded(one.partition("=")[0]) == "resume"), None):
        return f"{asked}: `dlrun resume RUN` goes on with a run; `ls outputs/*/*` shows yours"
    return None


def _is_file(path: Path) -> bool:
    with suppress(OSError, ValueError):  # no name of a file
        return path.is_file()
    return False


def _of_run(word: str, path: Path, key: str) -> str:
    if key in ("config-dir", "cd", "config-path", "cp"):
        return f"{word}: is a run folder, which can be made once more{WRITE}{rerun_command(path)}"
    resume, evaluate = (shlex.join(["dlrun", verb, word]) for verb in ("resume", "evaluate"))
    return f"{word}: is a run folder{WRITE}{resume if folded(key) in OF_RUNS else f'{evaluate}{OR}{resume}'}"


def _paths(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What may be a path, with the key or option that it stands behind, "" without one."""
    before = ""
    for word in words:
        key, equals, value = word.lstrip("-").partition("=")
        if equals and folded(key) in (*OF_RUNS, *_CONFIGS):
            yield value, key
        elif not equals and not word.startswith("-"):
            yield word, before.lstrip("-")
        before = word
