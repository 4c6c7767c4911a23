"""A key that some of the choices that a sweep varies have and others have not."""

from collections.abc import Sequence
from pathlib import Path

from dl_runner.config.hints.draft import MANY, Draft
from dl_runner.config.hints.known import Known
from dl_runner.config.search_path import choices, groups


def apart(draft: Draft, folders: Sequence[Path]) -> list[list[str]]:
    """Two sweeps, of the choices that have the key and of those that have not; [] where there is no such key."""
    if not any(one in draft.words for one in MANY):
        return []
    known = Known(tuple(folders), "config", ())
    settings = {place: draft.words[place].partition("=") for place in draft.settings()}
    swept = {key: value.split(",") for key, _, value in settings.values() if key in groups() and "," in value}
    for place, (key, _, _value) in settings.items():
        group, _, leaf = key.partition(".")
        names = [one for one in swept.get(group, ()) if one in choices(group, folders)]
        has = [one for one in names if leaf and known.takes(group, one, leaf)]
        lacks = [one for one in names if one not in has]
        if not has or not lacks or leaf == "name":
            continue
        told = f"of the swept choices of {group}, {_and(has)} {leaf} and {_and(lacks, 'not')}"
        draft.notes.insert(0, f"{draft.words[place]}: {told}; sweep them apart")
        return [_with(draft.words, group, has), _with(_without(draft.words, place), group, lacks, "_2")]
    return []


def _and(names: Sequence[str], negation: str = "") -> str:
    verb = "have" if names[1:] else "has"
    return f"{', '.join(names)} {verb}{f' {negation}' if negation else ''}"


def _without(words: Sequence[str], place: int) -> list[str]:
    return [*words[:place], *words[place + 1 :]]


def _with(words: Sequence[str], group: str, names: Sequence[str], suffix: str = "") -> list[str]:
    """The words with these choices of a group; a folder holds one sweep, so the second one has a name of its own."""
    chosen = (f"{group}={','.join(names)}" if one.startswith(f"{group}=") else one for one in words)
    return [f"{one}{suffix}" if one.startswith("sweep.name=") else one for one in chosen]
