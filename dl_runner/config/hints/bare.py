"""Words without =: `model lenet`, `model:lenet`, `resnet18`, `data.batch_size`."""

import re
from copy import deepcopy

from dl_runner.config.hints.draft import Draft
from dl_runner.config.hints.known import Known, group_meant, groups_of
from dl_runner.config.hints.values import as_typed
from dl_runner.config.hints.vocabulary import FLAGS, KEYS, UNITS, folded
from dl_runner.config.search_path import groups

_WITH = "a setting is KEY=VALUE"
MOST = 3  # lines to choose from


def complete(draft: Draft, known: Known) -> list[Draft]:
    """The drafts in which every such word is a KEY=VALUE, several where it may be several; [] where one is beyond
    guessing."""
    drafts, place = [draft], 0
    while place < len(drafts[0].words):  # the words so far are KEY=VALUE or options in each of them
        if place not in drafts[0].settings() or "=" in (word := drafts[0].words[place]) or word.startswith("~"):
            place += 1
            continue
        if place and (joined := _another(drafts[0].words[place - 1], word, known)):
            for one in drafts:
                one.put(place - 1, 2, [joined], "several values have commas between them and -m")
            continue
        after = drafts[0].words[place + 1] if place + 1 in drafts[0].settings() else None
        meant, count = _meant(word, None if after is None or "=" in after else after, known)
        if not meant:
            return []
        drafts = [_put(one, place, count, new) for one in drafts for new in meant][:MOST]
        place += 1
    return drafts


def _another(before: str, word: str, known: Known) -> str | None:
    """KEY=A,B of `KEY=A B`, where B is another value of the same kind; KEY=A of `KEY=A or`."""
    key, equals, value = before.partition("=")
    if equals and word in ("or", "and", "vs", "versus"):
        return before
    number = r"[-+]?[\d.]+(e[-+]?\d+)?"
    numbers = re.fullmatch(number, word) and all(re.fullmatch(number, one) for one in value.split(","))
    names = key in groups() and known.meant(key, word) and known.meant(key, value.split(",")[0])
    return f"{before},{word}" if equals and (numbers or names) else None


def _put(draft: Draft, place: int, count: int, new: tuple[str, str]) -> Draft:
    changed = deepcopy(draft)
    changed.put(place, count, [new[0]], new[1])
    return changed


def _meant(word: str, after: str | None, known: Known) -> tuple[list[tuple[str, str]], int]:
    """What a word, with the one behind it where that belongs to it, may mean: (KEY=VALUE, what is wrong), and how many
    words it stands for."""
    if found := re.fullmatch(r"([A-Za-z_][\w.]*):(?![/:])(.+)", word):
        return [(f"{found[1]}={found[2]}", f"{_WITH}, with = and no colon")], 1
    if re.search(r"[/\\]", word):
        return [(f"{group}={one}", f"{_WITH}, and this is {group}={one}") for group, one in groups_of(word, known)] or (
            _path_like(word, known)
        ), 1
    group, key = group_meant(word), bool(known.places(word)) or folded(word) in KEYS
    if after is not None and (group or key):
        return [(f"{word}={after}", f"{_WITH}, with = between them")], 2
    if folded(word) in FLAGS:
        return [(FLAGS[folded(word)], f"{_WITH}, and this is {FLAGS[folded(word)]}")], 1
    if found := groups_of(word, known):
        told = " or ".join(f"{group}={one}" for group, one in found[:MOST])
        return [(f"{group}={one}", f"{_WITH}, and this is {told}") for group, one in found], 1
    if len(places := known.places(word)) == 1 and word not in UNITS:
        value = known.keys[places[0]]
        shown = "null" if value is None or "${" in str(value) else as_typed(value)
        return [(f"{places[0]}={shown}", f"has no value; the one it has is {shown}")], 1
    return [], 1


def _path_like(word: str, known: Known) -> list[tuple[str, str]]:
    """GROUP/CHOICE, as the files of the choices lie."""
    first, _, rest = word.strip("./").removeprefix("conf/").partition("/")
    group = group_meant(first)
    return [(f"{group}={one}", f"{_WITH}, with =") for one in (known.meant(group, rest) if group else [])]
