"""The command line that was meant, for one that does not work: each suggestion has been composed before it is made."""

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from dl_runner.config.compose import compose
from dl_runner.config.hints.bare import complete
from dl_runner.config.hints.contradiction import apart
from dl_runner.config.hints.draft import MANY, OF_ONE_RUN, OR, THEN, WITH_VALUE, WRITE, Draft
from dl_runner.config.hints.elsewhere import elsewhere
from dl_runner.config.hints.known import Known
from dl_runner.config.hints.settings import choose, settle
from dl_runner.config.hints.spelling import spell
from dl_runner.config.hints.values import several
from dl_runner.config.line import Line, read_line
from dl_runner.config.overrides import key_of
from dl_runner.config.search_path import groups
from dl_runner.errors import UserError


def advise(words: Sequence[str], verb: str | None = None, commands: Collection[str] = ()) -> str | None:
    """What is wrong with a command line in one line, and the line that was meant; None where that is not known.

    Args:
        words: the arguments, without the verb.
        verb: one that composes a config; None for a run.
        commands: the verbs that there are.
    """
    if verb is None and (told := elsewhere(words, commands)):
        return told
    draft = Draft(list(words))
    if verb:
        _one_run(draft, verb)
    spell(draft)
    if verb is None and draft.notes and (told := elsewhere(draft.words, commands)):
        return told
    folders, name = _places(draft)
    if folders is None:
        return None
    begin = ["dlrun", *([verb] if verb else [])]
    known: dict[tuple[str, ...], Known] = {}  # which composes once

    def of(one: Draft) -> Known:
        found = _known(one, folders, name)
        return known.setdefault(found.selections, found)

    drafts = [
        settled
        for completed in complete(draft, of(draft))
        for chosen in choose(completed, of(completed))
        for settled in settle(chosen, of(chosen))
    ]
    for one in drafts:
        _swept(one)
    whole = [(one.notes, apart(one, folders) or [one.words]) for one in drafts]
    good = [(notes, lines) for notes, lines in whole if notes and all(composes(line) for line in lines)]
    if not good:
        return None
    told = dict.fromkeys(THEN.join(shlex.join([*begin, *line]) for line in lines) for _, lines in good)
    return f"{good[0][0][0]}{WRITE}{OR.join(told)}"


def _one_run(draft: Draft, verb: str) -> None:
    """Without the options that are for a run alone."""
    for place in reversed(range(len(draft.words))):
        option = draft.words[place].partition("=")[0]
        if option in OF_ONE_RUN:
            count = 2 if draft.words[place] in WITH_VALUE else 1
            draft.put(place, count, [], f"is for a run; dlrun {verb} needs no {option}")


def _places(draft: Draft) -> tuple[tuple[Path, ...] | None, str]:
    """The user's own folders, None where one of them is wrong, and the name of the config as a whole."""
    settings = draft.settings()
    of_folders = [word for place, word in enumerate(draft.words) if place not in settings or word[:6] == "hydra."]
    try:
        line = read_line(of_folders)
    except UserError:
        return None, "config"
    return line.folders, line.config_name


def _known(draft: Draft, folders: tuple[Path, ...], name: str) -> Known:
    known = Known(folders, name, ())
    selections = {}
    for place in draft.settings():
        key, _, value = draft.words[place].partition("=")
        first = value.split(",")[0]
        if key in groups() and (found := known.meant(key, first)):
            selections[key] = f"{key}={found[0]}"
    return Known(folders, name, tuple(selections.values()))


def _swept(draft: Draft) -> None:
    if any(one in draft.words for one in MANY):
        return
    for place in draft.settings():
        key, equals, value = draft.words[place].partition("=")
        if equals and several(value):
            draft.notes.append(f"{key}={value}: several values are a sweep; add -m")
            draft.words.insert(0, "-m")
            return


def composes(words: Sequence[str]) -> bool:
    """Whether a command line composes; of a sweep, its first jobs and those with each choice of a group."""
    try:
        line = read_line(words)
        for job in jobs(line):
            compose(job, line.folders, line.config_name)
    except UserError:
        return False
    return True


def jobs(line: Line) -> list[list[str]]:
    """The overrides of a run, or of the first jobs of a sweep, with each choice of a group in one of them."""
    if not line.multirun:
        return [list(line.overrides)]
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_overrides(list(line.overrides))
        values = [
            [f"{one.get_key_element()}={value}" for value in one.sweep_string_iterator()]
            if one.is_sweep_override() and not one.is_interval_sweep()
            else []
            if one.is_interval_sweep()
            else [str(one.input_line)]
            for one in parsed
        ]
    except HydraException as error:
        raise UserError(str(error)) from None
    count = max((len(one) for one in values if key_of((one or ["="])[0]) in groups()), default=1)
    return [[one[min(number, len(one) - 1)] for one in values if one] for number in range(min(count, 4))]
