"""Fonts for names that matplotlib's own font has no characters for, such as Chinese, Hindi or emoji."""

import functools
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Tried before the others, in this order: they have very many characters and look alike.
FIRST = ("Noto Sans", "Source Han Sans", "WenQuanYi", "Droid Sans Fallback", "Noto Emoji", "Symbola", "Unifont")
LAST_RESORT = "Last Resort"  # it has a box for every character, which is what shall not be seen

_log = logging.getLogger("dl_runner")
_said: set[str] = set()


def use_fonts(figure: "Figure") -> None:
    """Give every text of a figure fonts that have its characters, as far as some are installed; else say so once."""
    from matplotlib.text import Text

    for axes in figure.axes:  # which makes the labels of their ticks only when asked
        axes.get_xticklabels(), axes.get_yticklabels()
    missing: set[str] = set()
    for text in figure.findobj(Text):
        lacking = frozenset(filter(_is_lacking, text.get_text()))
        if lacking:
            families, absent = fonts_for(lacking)
            text.set_fontfamily([*text.get_fontfamily(), *families])
            missing |= set(absent)
    _say_once(missing)


def _is_lacking(character: str) -> bool:
    joins = character in "\u200d\ufe0e\ufe0f"  # emoji, or chooses their look
    return character.isprintable() and not joins and ord(character) not in _own_characters()


@functools.cache
def fonts_for(characters: frozenset[str]) -> tuple[tuple[str, ...], str]:
    """Names of installed fonts that together have the characters, as few as are quickly found; and what none has."""
    wanted, chosen = {ord(character) for character in characters}, []
    for family, path in _installed():
        if not wanted:
            break
        if found := wanted & _characters_of(path):
            chosen.append(family)
            wanted -= found
    return tuple(chosen), "".join(sorted(map(chr, wanted)))


def _say_once(missing: Iterable[str]) -> None:
    new = sorted(set(missing) - _said)
    if new:
        _said.update(new)
        _log.warning(
            "pictures: no installed font has %s; they are empty boxes (fonts-noto-cjk and fonts-symbola have most)",
            " ".join(new[:10]) + (" …" if len(new) > 10 else ""),
        )


@functools.cache
def _own_characters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont

    return _characters_of(findfont(FontProperties()))


@functools.cache
def _characters_of(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):  # gone, or in a format that matplotlib does not draw
        return frozenset()


@functools.cache
def _installed() -> Sequence[tuple[str, str]]:
    """Name and file of each family's upright font, those of `FIRST` first, the others by name."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {font.fname for font in fontManager.ttflist}  # which is a list of long ago
    for path in sorted(set(findSystemFonts()) - known):
        with suppress(OSError, RuntimeError):
            fontManager.addfont(path)
    # It would tell of each family that has no font of just the right weight.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    found = {}
    for font in sorted(fontManager.ttflist, key=lambda font: (font.name, font.style != "normal", font.weight != 400)):
        if not font.name.startswith(LAST_RESORT):
            found.setdefault(font.name, font.fname)
    ranks = {name: next((i for i, first in enumerate(FIRST) if name.startswith(first)), len(FIRST)) for name in found}
    return sorted(found.items(), key=lambda item: (ranks[item[0]], item[0]))
