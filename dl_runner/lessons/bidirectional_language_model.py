"""A bidirectional language model: it reads the token that it is to predict, and cannot write."""

import math
import textwrap
from typing import TYPE_CHECKING

from dl_runner.config.types import PositiveInt
from dl_runner.errors import UserError
from dl_runner.lessons.causal_mask import losses_by_place
from dl_runner.running.lesson import Lesson
from dl_runner.tasks.generation import generate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = {"forwards": False, "in both directions": True}
COLORS = dict(zip(ARMS, ("tab:blue", "tab:red"), strict=True))


def bidirectional_language_model(
    lesson: Lesson, *, prefix: str = "the value of ", length: PositiveInt = 80
) -> "Figure":
    """Two recurrent models learn the same text, but one of them reads it backwards as well: from what comes next to
    what it is to predict.

    Its perplexity falls towards 1, on text that it has not seen as well. When it writes, nothing comes next: that is
    the last place of a window, where it has learnt next to nothing.

    Args:
        prefix: of the texts that the models go on with, by the most probable token each time.
        length: tokens that they add.

    Returns:
        The validation perplexity while they learn, the loss of each place of a window at the end, and what both write.

    Raises:
        UserError: the prefix has no token.
    """
    from matplotlib.figure import Figure

    data = lesson.data()
    tokenizer, context = data.fitted.tokenizer, data.spec.inputs.length
    prompt = tokenizer.encode(prefix)
    if not prompt:
        raise UserError("lesson.prefix: has no token to go on from; give a text")

    figure = Figure(figsize=(13.4, 8), layout="constrained")
    above, below = figure.subfigures(2, height_ratios=[2.4, 1])
    left, right = above.subplots(1, 2)
    texts, found = [], {}
    for name, both in ARMS.items():
        arm = lesson.train(name, {"model.bidirectional": both, "model.leak": both})
        places = losses_by_place(arm.model, data)
        before, last = places[:-1].mean().item(), places[-1].item()
        lesson.metrics |= {f"{name}: loss at the last place": last, f"{name}: loss before it": before}
        found[name] = arm.metrics["validation/perplexity"]
        left.plot(*arm.curve("validation/perplexity", "step"), "o-", color=COLORS[name], label=name)
        label = f"{name}: {before:.2f} before the last, {last:.2f} there"
        right.plot(range(1, len(places) + 1), places, "o-", markersize=4, color=COLORS[name], label=label)
        written = generate(arm.model, prompt, length, context=context, temperature=0.0)
        text = " ".join(tokenizer.decode(prompt + written).split())
        texts.append(f"{name} (validation perplexity {found[name]:.3g}):\n" + textwrap.fill(text, 110))
    chance = data.spec.outputs
    left.axhline(chance, color="gray", linestyle=":", label="all tokens equally probable")
    right.axhline(math.log(chance), color="gray", linestyle=":", label="all tokens equally probable")
    left.set(xlabel="steps", ylabel="validation perplexity", yscale="log", ylim=(0.9, 1.3 * chance))
    one, two = found.values()
    left.set_title(f"Perplexity {one:.3g} forwards, {two:.3g} in both directions: the answer is in the input")
    right.set(xlabel=f"place in a window of {context} tokens", ylabel="validation loss, nats per token", ylim=(0, None))
    right.set_title("At the end, by place: the last has nothing behind it, as when writing")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=9)
    below.suptitle("What they write, the most probable token each time", fontsize=12)
    below.text(0.03, 0.76, "\n\n".join(texts), va="top", family="monospace", fontsize=9.5, parse_math=False)
    return figure
