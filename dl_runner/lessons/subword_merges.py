"""Subwords: the most frequent pair of neighbours becomes one token, again and again."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dl_runner.config.types import PositiveInt
from dl_runner.data.byte_pairs import CHARACTERS, Pair, encode, learn, names, pieces, read, written
from dl_runner.data.subwords import SPACE
from dl_runner.errors import UserError
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LISTED = 36  # merges


def subword_merges(
    lesson: Lesson,
    *,
    merges: list[PositiveInt] = (10, 30, 100, 300, 1000),
    words: list[str] = ("function", "unchanged", "don't"),
) -> "Figure":
    """Byte-pair encoding (Sennrich, Haddow and Birch, 2016): a text gets shorter and the vocabulary larger with every
    merge. What is frequent becomes a token of its own, and what is rare stays in parts.

    Args:
        merges: after how many of them the words are shown, increasing.
        words: whose tokens are shown, each as it stands within a sentence, after a space.

    Returns:
        The characters of a token, of the training text and of what is held out, over the merges; the first merges; the
        tokens of each word.

    Raises:
        UserError: merges that do not increase, or no words.
    """
    from matplotlib.figure import Figure

    if not words or sorted(set(merges)) != list(merges):
        raise UserError(f"lesson.merges={list(merges)}: have to increase, and lesson.words={list(words)} to name some")
    counts = {name: Counter(map(written, pieces(text))) for name, text in _texts(lesson).items()}
    found = learn(counts["training"], 0, merges[-1])
    shown = [0, *(count for count in merges if count <= len(found))]
    lengths = {name: [_characters_of_a_token(of, found[:count]) for count in shown] for name, of in counts.items()}
    cut = {word: [_tokens(word, found[:count]) for count in shown] for word in words}
    for name, values in lengths.items():
        lesson.metrics[f"characters of a token of the {name} text after {shown[-1]:,} merges"] = values[-1]
    figure = Figure(figsize=(15, 5 + 0.5 * len(shown)), layout="constrained")
    name, values = [*lengths.items()][-1]
    of_words = ", ".join(f"“{word}” has {len(cut[word][-1])}" for word in words)
    figure.suptitle(
        f"After {shown[-1]:,} merges a token of the {name} text has {values[-1]:.2f} characters instead of "
        f"{values[0]:.2f}; tokens of a word: {of_words}",
        parse_math=False,
    )
    top, bottom = figure.subfigures(2, 1, height_ratios=[5, 0.5 * len(shown)])
    curve, listed = top.subplots(1, 2)
    for name, values in lengths.items():
        curve.plot(shown, values, marker="o", label=f"{name} text")
    curve.set_xscale("symlog", linthresh=merges[0])
    curve.set(xlabel="merges", ylabel="characters of a token")
    curve.grid(alpha=0.3)
    curve.legend()
    _list_merges(listed, found[:LISTED])
    for axes, word in zip(bottom.subplots(1, len(words), squeeze=False)[0], words, strict=True):
        _draw_tokens(axes, word, shown, cut[word])
    return figure


def _texts(lesson: Lesson) -> dict[str, str]:
    """The lesson's texts, the training one first.

    Raises:
        UserError: its data are no text.
    """
    data = lesson.data()
    tokenizer = getattr(data.fitted, "tokenizer", None)
    if tokenizer is None:
        raise UserError(
            f"data={lesson.config.data.name}: is no text; use data=python_docs, or data=text_file with a path"
        )
    splits = {"training": data.train, "held-out": data.validation or data.test}
    return {name: tokenizer.decode(split.tokens.tolist()) for name, split in splits.items() if split is not None}


def _characters_of_a_token(counts: Mapping[str, int], merges: Sequence[Pair]) -> float:
    ranks = {pair: place for place, pair in enumerate(merges)}
    tokens = sum(count * len(encode(piece, ranks, 0)) for piece, count in counts.items())
    characters = sum(count * len(read(piece).decode()) for piece, count in counts.items())
    return characters / tokens


def _tokens(word: str, merges: Sequence[Pair]) -> list[str]:
    """The tokens of a word behind a space, as a person reads them."""
    known, ranks = names(merges, ()), {pair: place for place, pair in enumerate(merges)}
    found = [token for piece in pieces(f" {word}") for token in encode(written(piece), ranks, 0)]
    return [_shown(known[token]) for token in found]


def _shown(name: str) -> str:
    return read(name).decode(errors="replace").replace(" ", SPACE).replace("\n", "⏎")


def _list_merges(axes: "Axes", merges: Sequence[Pair]) -> None:
    known = names(merges, ())
    axes.set_axis_off()
    axes.set_title(f"The first {len(merges)} merges")
    rows = -(-len(merges) // 3)
    for place, (left, right) in enumerate(merges):
        column, row = divmod(place, rows)
        text = (
            f"{place + 1}.  {_shown(known[left])} + {_shown(known[right])} → {_shown(known[len(CHARACTERS) + place])}"
        )
        axes.text(column / 3, 1 - (row + 0.5) / rows, text, transform=axes.transAxes, va="center", parse_math=False)


def _draw_tokens(axes: "Axes", word: str, shown: Sequence[int], cut: Sequence[Sequence[str]]) -> None:
    """A row of boxes for each number of merges."""
    for row, tokens in enumerate(cut):
        left = 0
        for place, token in enumerate(tokens):
            axes.barh(row, len(token), left=left, height=0.8, color=f"C{place % 10}", alpha=0.35, edgecolor="black")
            axes.text(left + len(token) / 2, row, token, ha="center", va="center", parse_math=False)
            left += len(token)
    axes.set(xticks=[], title=f"“{word}”")
    axes.set_yticks(range(len(shown)), [f"{count:,} merges" for count in shown])
    axes.invert_yaxis()
