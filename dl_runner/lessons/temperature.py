"""Temperature and top-k: how a language model's probabilities become a choice."""

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import torch

from dl_runner.config.types import NonNegative, Positive, PositiveInt
from dl_runner.errors import UserError
from dl_runner.running.lesson import Lesson
from dl_runner.tasks.carried import with_state
from dl_runner.tasks.generation import generate, probabilities

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {"\n": "⏎", " ": "␣"}


def temperature(
    lesson: Lesson,
    *,
    prefix: str = "the value of the ",
    temperatures: list[Positive] = (0.3, 1.0, 2.0),
    top_k: PositiveInt = 3,
    length: PositiveInt = 100,
    shown: PositiveInt = 16,
    seed: int = 0,
) -> "Figure":
    """softmax(o/T): a temperature T below 1 makes probable tokens more so, one above 1 evens them out; top-k cuts off
    all but the k most probable (Fan et al., 2018).

    Args:
        prefix: what the model goes on with.
        temperatures: one line of text each; the last one is drawn once more with top-k.
        top_k: how many tokens are left to choose from.
        length: tokens of each text.
        shown: tokens whose probabilities are drawn, the most probable ones.
        seed: of the choices.

    Returns:
        The probabilities of the token after the prefix, and a text for each way to choose.

    Raises:
        UserError: the prefix has no token.
    """
    from matplotlib.figure import Figure

    data = lesson.data()
    tokenizer, context = data.fitted.tokenizer, data.spec.inputs.length
    prompt = tokenizer.encode(prefix)
    if not prompt:
        raise UserError("lesson.prefix: has no token to go on from; give a text")
    model = lesson.train("model").model
    with torch.no_grad():
        logits = with_state(model, torch.tensor([prompt[-context:]]), None)[0][0, -1]
    order = logits.argsort(descending=True)[:shown]

    ways: list[tuple[str, NonNegative, int | None]] = [(f"temperature {one:g}", one, None) for one in temperatures]
    ways.append((f"temperature {temperatures[-1]:g}, top-{top_k}", temperatures[-1], top_k))
    figure = Figure(figsize=(13.4, 9), layout="constrained")
    above, below = figure.subfigures(2, height_ratios=[1.3, 1])
    axes, width, texts, entropies = above.subplots(), 0.8 / len(ways), [], []
    for place, (name, one, k) in enumerate(ways):
        shares = probabilities(logits, one, k)
        entropy = -torch.special.xlogy(shares, shares).sum().item() / np.log(2)
        entropies.append(entropy)
        lesson.metrics |= {f"{name}: entropy": entropy, f"{name}: most probable": shares.max().item()}
        at = np.arange(len(order)) + (place - (len(ways) - 1) / 2) * width
        axes.bar(at, shares[order], width, label=f"{name}: entropy {entropy:.2f} bits")
        written = generate(model, prompt, length, context=context, temperature=one, top_k=k, seed=seed)
        text = " ".join(tokenizer.decode(prompt + written).split())
        texts.append(f"{name}:\n" + textwrap.fill(text, 115))
    names = [NAMES.get(tokenizer.tokens[number], tokenizer.tokens[number]) for number in order.tolist()]
    axes.set_xticks(range(len(order)), names, parse_math=False)
    axes.set(xlabel=f"the {len(order)} most probable tokens after “{prefix}”", ylabel="probability")
    low, high = temperatures[0], temperatures[-1]
    axes.set_title(
        f"The next token: {entropies[0]:.2f} bits at temperature {low:g}, {entropies[-2]:.2f} at {high:g}, "
        f"and {entropies[-1]:.2f} there among the best {top_k}"
    )
    axes.grid(alpha=0.3, axis="y")
    axes.legend()
    below.suptitle("What the same model writes", fontsize=12)
    below.text(0.03, 0.88, "\n\n".join(texts), va="top", family="monospace", fontsize=9.5, parse_math=False)
    return figure
