"""KEY=VALUE with the key and the value that were meant."""

import re
from collections.abc import Callable
from copy import deepcopy

from dl_runner.config.hints.bare import MOST
from dl_runner.config.hints.draft import MANY, Draft
from dl_runner.config.hints.known import Known, group_meant
from dl_runner.config.hints.programs import Meaning, choice_elsewhere, setting_elsewhere
from dl_runner.config.hints.values import several, value_meant
from dl_runner.config.hints.vocabulary import NOTHING, folded
from dl_runner.config.search_path import SEVERAL, groups


def choose(draft: Draft, known: Known) -> list[Draft]:
    """The drafts whose choices of groups are called what they are here."""
    return _each(draft, lambda key, value: _choice(key, value, known))


def settle(draft: Draft, known: Known) -> list[Draft]:
    """The drafts whose keys and values are those of the config."""
    return _each(draft, lambda key, value: _setting(key, value, draft, known))


def _each(draft: Draft, meanings: Callable[[str, str], list[Meaning]]) -> list[Draft]:
    drafts = [draft]
    for place in reversed(draft.settings()):
        word = draft.words[place]
        bare = word.lstrip("+")
        key, equals, value = bare.partition("=")
        if not equals or word.startswith("~") or key.startswith("hydra"):
            continue
        if meant := meanings(key, value):
            drafts = [_put(one, place, new) for new in meant for one in drafts][:MOST]
    for one in drafts:
        one.notes = one.notes[: len(draft.notes)] + one.notes[len(draft.notes) :][::-1]  # from left to right
    return drafts


def _put(draft: Draft, place: int, new: Meaning) -> Draft:
    changed = deepcopy(draft)
    changed.put(place, 1, *new)
    if len(new[0]) > 1 and (group := new[0][0].partition("=")[0]) in groups():  # in place of the choice that was made
        end = place + len(new[0])
        others = [one for one in range(len(changed.words)) if not place <= one < end]
        kept = [one for one in others if not changed.words[one].startswith(f"{group}=")]
        changed.words = [changed.words[one] for one in sorted([*kept, *range(place, end)])]
    return changed


def _choice(key: str, value: str, known: Known) -> list[Meaning]:
    group = None if "." in key or (key in known.keys and key not in (*groups(), "lesson")) else group_meant(key)
    if group not in (None, "experiment", *SEVERAL) and (listed := re.fullmatch(r"\[([\w/, ]+)\]", value)):
        return [([f"{group}={listed[1].replace(' ', '')}"], f"a run has one {group}")]
    if group is None or not value or value[0] in "[{$":
        return []
    if key in ("lesson", "lessons", "notes"):
        folder = "notes" if key == "notes" else "lessons"
        found = [one for one in known.meant("experiment", value) if one.startswith(f"{folder}/")]
        return [([f"experiment={one}"], f"is an experiment, {one}") for one in found]
    if other := choice_elsewhere(group, value):
        return other
    listed = value.split(",") if several(value) and "(" not in value else [value]
    meant = [known.meant(group, one) for one in listed]
    if not all(meant) or (len(listed) > 1 and any(one[1:] for one in meant)):
        return []
    alternatives = [",".join(one[0] for one in meant)] if len(listed) > 1 else meant[0]
    new = [f"{group}={one}" for one in alternatives]
    if new == [f"{key}={value}"]:
        return []
    return [([one], f"is called {one} here") for one in new]


def _setting(key: str, value: str, draft: Draft, known: Known) -> list[Meaning]:
    if key in groups():
        return []
    if other := setting_elsewhere(key, value, known):
        return other
    word = next((one for one in draft.words if one.lstrip("+") == f"{key}={value}"), "")
    if key in known.keys and not isinstance(known.keys[key], dict):
        if found := _value_meant(key, value, known, draft):
            return [([f"{key}={one}"], found[1]) for one in found[0]]
        return [([f"{key}={value}"], f"{key} is there already; leave out the +")] if re.match(r"\+[^+]", word) else []
    if word.startswith("+") and known.adds(key):
        return []
    section, _, leaf = key.rpartition(".")
    swept = [one.split(",") for one in draft.words if "," in one and one.startswith(f"{section}=")]
    if any(known.takes(section, one.rpartition("=")[2], leaf) for one in (swept[0] if swept else ())):
        return []
    many = any(one in draft.words for one in MANY)
    places = [one for one in known.places(key) if many or not one.startswith("sweep.")]
    if folded(leaf) in NOTHING and not places:
        return [([], f"{NOTHING[folded(leaf)]}; leave it out")]
    if places:
        told = f"no such key; it is {' or '.join(places)}"
        meant = {one: _value_meant(one, value, known, draft) or ([value], "") for one in places}
        return [([f"{one}={new}"], told) for one in places for new in meant[one][0]]
    return _held(key, value, draft, known)


def _value_meant(key: str, value: str, known: Known, draft: Draft) -> tuple[list[str], str] | None:
    """`value_meant`, of each of the values of a sweep."""
    default = known.keys.get(key)
    if not several(value) or not any(one in draft.words for one in MANY):
        return value_meant(key, value, default, known.kind(key))
    listed = value.split(",")
    if "(" in value or "[" in value or not isinstance(default, list):
        return None
    return [",".join(f"[{one}]" for one in listed)], "each value is a list, in brackets"


def _held(key: str, value: str, draft: Draft, known: Known) -> list[Meaning]:
    """For a key that another choice of its group has."""
    found = known.holders(key, value)
    if found is None:
        return []
    group, leaf, names = found
    chosen = str(known.keys.get(f"{group}.name"))
    first = sorted(names, key=lambda name: folded(name) != folded(leaf))[0]
    more = f" and {len(names) - 5} more" if names[5:] else ""
    has = f"{group}={chosen} has no {leaf}; {', '.join(names[:5])}{more} {'have' if names[1:] else 'has'} it"
    # The choice stands before its keys; one that the user has made is replaced.
    draft_has = [one for one in draft.words if one.startswith(f"{group}=")]
    meant = _value_meant(f"{group}.{leaf}", value, Known(known.folders, known.name, (f"{group}={first}",)), draft)
    words = [f"{group}={first}", f"{group}.{leaf}={meant[0][0] if meant else value}"]
    return [(words, has)] if draft_has != [f"{group}={first}"] else []
