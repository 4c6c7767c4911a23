"""Words that a shell, an editor or another program's habits have changed, put together to KEY=VALUE again."""

import re

from dl_runner.config.hints.draft import MANY, WITH_VALUE, Draft, is_option
from dl_runner.config.hints.vocabulary import FLAGS, STARTS, SWEEPS, UNITS, folded

_QUOTES = str.maketrans("", "", "“”„‟‘’‚«»")
_SPLIT = "the shell splits it at the space; remove the space, or quote it"
_DASHES = "a setting is KEY=VALUE, without dashes"
_KEY = r"[A-Za-z_][\w./@-]*"


def spell(draft: Draft) -> None:
    """Mends what can be mended without knowing what keys there are."""
    draft.each(_plain_quotes, "has typographic quotes, which no shell knows")
    draft.each(_plain_dashes, "has a typographic dash; write -")
    _apart(draft)
    _started(draft)
    _brackets(draft)
    _equals(draft)
    _commas(draft)
    _units(draft)
    draft.each(_single_equals, "has one = only between key and value")
    _shown(draft)
    _dashed(draft)


def _shown(draft: Draft) -> None:
    for place in reversed(range(len(draft.words))):
        what = draft.words[place + 1 : place + 2]
        if draft.words[place] in ("--cfg", "-c") and what not in (["job"], ["hydra"], ["all"]):
            draft.put(place, 1, ["--cfg", "job"], "shows job, hydra or all")


def _plain_quotes(word: str) -> str:
    return word.translate(_QUOTES)


def _plain_dashes(word: str) -> str:
    if found := re.match(r"[‐-―−]+-?", word):  # an editor makes one dash of two hyphens
        rest = word[found.end() :]
        word = f"-{rest}" if f"-{rest}" in MANY else f"--{rest}"
    return re.sub(r"(?<=[eE=,\[(])[‐-―−](?=[\d.])", "-", word)


def _apart(draft: Draft) -> None:
    """KEY=VALUE,KEY=VALUE in one word."""
    for place in range(len(draft.words) - 1, -1, -1):
        word = draft.words[place]
        parts = re.split(rf"[,;& ]+(?={_KEY}=)", word)
        if parts[1:] and all(re.match(rf"[+~]*{_KEY}=", one) for one in parts) and not set(word) & set("'\"[]{}()$"):
            draft.put(place, 1, parts, "arguments have spaces between them")


def _started(draft: Draft) -> None:
    """Without what starts a program elsewhere."""
    while draft.words:
        word = draft.words[0]
        if word in STARTS or re.fullmatch(r"(.*/)?[\w-]+\.py|\$", word):
            draft.put(0, 1, [], "a run needs no such word")
        elif re.fullmatch(r"(.*/)?python[\d.]*|uv|poetry|srun", word):
            module = draft.words[1:3] == ["-m", "dl_runner"]
            draft.put(0, 3 if module else 1, [], "dlrun starts by itself")
        elif word in SWEEPS:
            draft.put(0, 1, ["-m"], "a sweep is a run with -m")
        else:
            return


def _brackets(draft: Draft) -> None:
    place = 0
    while place < len(draft.words):
        count = 1
        while _open("".join(draft.words[place : place + count])) and place + count < len(draft.words) and count < 50:
            count += 1
        whole = "".join(draft.words[place : place + count])
        if count > 1 and not _open(whole):
            draft.put(place, count, [whole], _SPLIT)
        place += 1


def _open(text: str) -> bool:
    return "=" in text and sum(map(text.count, "[{(")) > sum(map(text.count, "]})"))


def _equals(draft: Draft) -> None:
    place = 0
    while place < len(draft.words):
        here, *after = draft.words[place : place + 3]
        key = re.fullmatch(_KEY, here) is not None
        if key and len(after) == 2 and after[0] in ("=", "==", ":=", ":"):
            draft.put(place, 3, [f"{here}={after[1]}"], "no spaces around =")
        elif key and after and re.match(r"={1,2}[^=]", after[0]):
            draft.put(place, 2, [f"{here}={after[0].lstrip('=')}"], "no spaces around =")
        elif re.fullmatch(rf"{_KEY}:?=", here) and after and re.match(r"[^-+~=][^=]*$", after[0]):
            draft.put(place, 2, [f"{here.rstrip(':=')}={after[0]}"], "no spaces around =")
        place += 1


def _commas(draft: Draft) -> None:
    place = 0
    while place < len(draft.words):
        word, *after = draft.words[place : place + 2]
        goes_on = after and "=" not in after[0] and not after[0].startswith("-")
        if word.endswith((",", ";")) and len(word) > 1:
            if goes_on and "=" in word:
                draft.put(place, 2, [f"{word}{after[0]}"], _SPLIT)
                continue  # another value may follow
            draft.put(place, 1, [word.rstrip(",;")], "arguments have spaces between them and no commas")
        elif "=" in word and goes_on and after[0].startswith(",") and len(after[0]) > 1:
            draft.put(place, 2, [f"{word}{after[0]}"], _SPLIT)
            continue
        place += 1


def _units(draft: Draft) -> None:
    for place in range(len(draft.words) - 2, -1, -1):
        here, unit = draft.words[place : place + 2]
        if unit in UNITS and re.fullmatch(rf"{_KEY}=[\d.]+", here):
            draft.put(place, 2, [f"{here} {unit}"], _SPLIT)


def _single_equals(word: str) -> str | None:
    found = re.fullmatch(rf"(\+*{_KEY})(?:={{2,}}|:=+)(.+)", word)
    return f"{found[1]}={found[2]}" if found else None


def _dashed(draft: Draft) -> None:
    """--KEY VALUE and --KEY=VALUE as KEY=VALUE."""
    place = 0
    while place < len(draft.words):
        word = draft.words[place]
        if is_option(word):
            place += 2 if word in WITH_VALUE else 1
            continue
        if re.match(r"-{1,2}[A-Za-z]", word):
            name, equals, value = word.lstrip("-").partition("=")
            name = name.replace("-", "_")
            if equals:
                draft.put(place, 1, [f"{name}={value}"], _DASHES)
            elif folded(name) in FLAGS:
                draft.put(place, 1, [FLAGS[folded(name)]], _DASHES)
            elif place + 1 < len(draft.words) and re.match(r"-?[\d.]|[^-]", following := draft.words[place + 1]):
                count = 1 if "=" in following else 2
                draft.put(place, count, [f"{name}={'true' if count == 1 else following}"], _DASHES)
            else:
                draft.put(place, 1, [f"{name}=true"], _DASHES)
        place += 1
