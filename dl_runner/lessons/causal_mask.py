"""The causal mask: without it a language model reads the word that it is to predict, and learns nothing else."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dl_runner.data.dataset import Data
from dl_runner.errors import UserError
from dl_runner.layers.attention import DotProductAttention
from dl_runner.layers.attention import causal_mask as seen
from dl_runner.layers.recorded import recorded
from dl_runner.layers.scratch.attention import attention_weights
from dl_runner.running.lesson import Lesson
from dl_runner.tasks.carried import with_state

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

ARMS = {"with the causal mask": True, "without a mask": False}
COLORS = dict(zip(ARMS, ("tab:blue", "tab:red"), strict=True))
NAMES = {"\n": "⏎"}


def causal_mask(lesson: Lesson, *, text: str = "the value of the attribute is the name of the class") -> "Figure":
    """Two models of the same size learn the same text, but one of them sees what comes next while it trains.

    Its loss falls towards zero, on text that it has not seen as well, for its attention looks the answer up. When it
    writes, no next word is there yet: that is the last place of a window, where its loss is that of a poor guess.

    Args:
        text: whose words are on the axes of the heat maps; at least two tokens, its beginning is read if it is long.

    Returns:
        Above, the weights of the first head of the first block; below, the validation loss while they learn, and at
        the end that of each place of the window.

    Raises:
        UserError: the text has no two tokens.
    """
    from matplotlib.figure import Figure

    data = lesson.data()
    tokenizer = data.fitted.tokenizer
    tokens = torch.tensor([tokenizer.encode(text)[: data.spec.inputs.length]])
    if tokens.shape[1] < 2:
        raise UserError(f"lesson.text={text!r}: has fewer than two tokens; give a longer one")
    words = [NAMES.get(tokenizer.tokens[number], tokenizer.tokens[number]) for number in tokens[0].tolist()]

    figure = Figure(figsize=(13.4, 11), layout="constrained")
    maps, curves = figure.subplots(2, 2, height_ratios=[1.25, 1])
    for axes, (name, causal) in zip(maps, ARMS.items(), strict=True):
        arm = lesson.train(name, {"model.causal": causal})
        image = _draw_weights(axes, *first_weights(arm.model, tokens), words)
        axes.set_title(f"Attention {name}")
        places = losses_by_place(arm.model, data)
        before, last = places[:-1].mean().item(), places[-1].item()
        lesson.metrics |= {f"{name}: loss at the last place": last, f"{name}: loss before it": before}
        curves[0].plot(*arm.curve("validation/loss", "step"), "o-", color=COLORS[name], label=name)
        label = f"{name}: {before:.2f} before the last, {last:.2f} there"
        curves[1].plot(range(1, len(places) + 1), places, "o-", color=COLORS[name], label=label)
    figure.colorbar(image, ax=maps.tolist(), label="weight (each row sums to 1)", shrink=0.8)
    chance = math.log(data.spec.outputs)
    for axes in curves:
        axes.axhline(chance, color="gray", linestyle=":", label="all words equally probable")
        axes.set(ylabel="loss on the validation text, nats per word", ylim=(0, 1.5 * chance))
        axes.grid(alpha=0.3)
        axes.legend(loc="upper right")
    ends = [lesson.metrics[f"{name}: loss before it"] for name in ARMS]
    told = ", ".join(f"{end:.2f} {name}" for name, end in zip(ARMS, ends, strict=True))
    curves[0].set(title=f"While they learn; at the end {told}", xlabel="steps")
    curves[1].set(title="At the end, by place; the last has no next word to look at,\nas when writing")
    curves[1].set(xlabel=f"place in a window of {data.spec.inputs.length} words")
    return figure


def first_weights(model: nn.Module, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Of the first head of a model's first block, for one text (1, length): the attention weights, and where a place
    sees another, (length, length) both."""
    layer = next(one for one in model.modules() if isinstance(one, DotProductAttention))
    with torch.no_grad(), recorded([layer]) as calls:
        model(tokens)
        queries, keys, _, _, causal = calls[0]
        places = queries.shape[-2], keys.shape[-2]
        mask = seen(*places) if causal else torch.ones(places, dtype=torch.bool)
        return attention_weights(queries, keys, mask)[0, 0], mask


@torch.no_grad()
def losses_by_place(model: nn.Module, data: Data) -> Tensor:
    """The mean loss at each place of the full windows of the validation text, one after the other: (length,)."""
    steps = data.spec.inputs.length
    inputs, targets = data.validation.take(torch.arange(0, len(data.validation) - steps, steps))
    logits, _ = with_state(model, inputs, None)
    return F.cross_entropy(logits.transpose(1, 2), targets, reduction="none").mean(0)


def _draw_weights(axes: "Axes", weights: Tensor, mask: Tensor, words: list[str]) -> "AxesImage":
    """A heat map with the words on its axes; what the mask hides is hatched."""
    from matplotlib.patches import Rectangle

    image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1)
    for row, column in (~mask).nonzero().tolist():
        hatched = {"facecolor": "#f2f2f2", "edgecolor": "#b0b0b0", "hatch": "////", "linewidth": 0}
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **hatched))
    if not mask.all():
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.9}
        axes.text(len(words) * 0.72, len(words) * 0.22, "hidden by the mask", ha="center", va="center", bbox=box)
    axes.set_xticks(range(len(words)), words, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
    axes.set_yticks(range(len(words)), words, parse_math=False)
    axes.set(xlabel="looks at (key)", ylabel="place that predicts its next word (query)")
    return image
