"""How many beginnings a beam search keeps, and what it does for the translations."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from dl_runner.config.types import PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.text import IGNORE
from dl_runner.data.vocabulary import EOS
from dl_runner.running.lesson import Lesson
from dl_runner.tasks.bleu import corpus_bleu
from dl_runner.tasks.decoding import Decoded, search

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PENALTIES = {0.0: "tab:red", 0.75: "tab:blue", 1.5: "tab:green"}


def beam_width(lesson: Lesson, *, widths: list[PositiveInt] | None = None, sentences: PositiveInt = 300) -> "Figure":
    """A translator that has not learnt enough, and beams of several widths and penalties of length.

    A wider beam finds sentences that the model holds more probable; whether they are better ones, BLEU says. The score
    is log p / L^α: without a penalty (α = 0) short sentences win, as every token costs probability.

    Args:
        widths: of the beams; None for 1, 2, 4, 8 and 16.
        sentences: of the validation split that are translated.

    Returns:
        BLEU, the mean log-probability and the length of the translations, against the width.
    """
    from matplotlib.figure import Figure

    widths = widths or [1, 2, 4, 8, 16]
    arm = lesson.train("translator", {})
    data = lesson.data(arm.config)
    references = wanted(data, sentences)
    figure = Figure(figsize=(15.6, 5.0), layout="constrained")
    of_bleu, of_chance, of_length = figure.subplots(1, 3)
    found = {}
    for penalty, color in PENALTIES.items():
        written = [translated(arm.model, data, sentences, width, penalty) for width in widths]
        bleu = [corpus_bleu(list(zip([one.tokens for one in all_of], references, strict=True))) for all_of in written]
        chances = [sum(map(log_chance, all_of, [penalty] * len(all_of))) / len(all_of) for all_of in written]
        lengths = [sum(len(one.tokens) for one in all_of) / len(all_of) for all_of in written]
        found[penalty] = bleu
        lesson.metrics |= {f"BLEU, beam {width}, α {penalty:g}": one for width, one in zip(widths, bleu, strict=True)}
        for axes, values in ((of_bleu, bleu), (of_chance, chances), (of_length, lengths)):
            axes.plot(widths, values, "o-", color=color, label=f"α = {penalty:g}")
    mean = sum(map(len, references)) / len(references)
    of_length.axhline(mean, color="grey", linestyle="--", label=f"references: {mean:.2f}")
    greedy, best = found[0.75][0], max(max(bleu) for bleu in found.values())
    of_bleu.set_title(f"BLEU: {greedy:.1f} greedy, {best:.1f} at best")
    of_chance.set_title("Mean log-probability of a translation")
    of_length.set_title("Mean length of a translation, tokens")
    for axes in (of_bleu, of_chance, of_length):
        axes.set_xscale("log", base=2)
        axes.set_xticks(widths, [str(width) for width in widths])
        axes.set_xlabel("beam width")
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def wanted(data: Data, sentences: int) -> list[list[int]]:
    """The references of the first sentences of the validation split, without <eos>."""
    _, targets = data.validation.take(slice(0, min(sentences, len(data.validation))))
    return [[token for token in row if token not in (IGNORE, EOS)] for row in targets.tolist()]


@torch.no_grad()
def translated(model: nn.Module, data: Data, sentences: int, width: int, penalty: float) -> list[Decoded]:
    """The translations of the same sentences."""
    inputs, _ = data.validation.take(slice(0, min(sentences, len(data.validation))))
    return search(model.eval(), inputs["source"], longest=data.spec.targets.length, beam=width, penalty=penalty)


def log_chance(one: Decoded, penalty: float) -> float:
    """log p of a translation, from its score log p / L^α."""
    return one.score * (len(one.tokens) + one.ended) ** penalty
