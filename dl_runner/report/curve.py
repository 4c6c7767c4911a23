"""A curve drawn with block characters, for a terminal."""

from collections.abc import Sequence
from itertools import pairwise

_EIGHTHS = " ▁▂▃▄▅▆▇█"


def draw(values: Sequence[float], *, width: int = 64, height: int = 8) -> str:
    """A bar for each of at most `width` stretches of the values, as high as its largest value.

    Args:
        values: one or more finite numbers >= 0.
        width: columns >= 1.
        height: lines >= 1; the top one is the largest value, the bottom one 0.

    Returns:
        `height` lines with the vertical scale at the left, and the axis below them.
    """
    columns = min(width, len(values))
    cuts = [len(values) * column // columns for column in range(columns + 1)]
    bars = [max(values[start:end]) for start, end in pairwise(cuts)]
    top = max(bars)
    eighths = [round(8 * height * bar / top) if top else 0 for bar in bars]
    label = f"{top:.3g}"
    lines = []
    for line in reversed(range(height)):
        scale = label if line == height - 1 else ""
        blocks = "".join(_EIGHTHS[min(8, max(0, filled - 8 * line))] for filled in eighths)
        lines.append(f"{scale:>{len(label)}} ┤{blocks}".rstrip())
    return "\n".join([*lines, f"{'0':>{len(label)}} └{'─' * columns}"])


def draw_rates(rates: Sequence[float], steps_per_epoch: int) -> str:
    """The learning rate of each step of a run, with its first, highest and last value."""
    epochs = len(rates) / steps_per_epoch
    title = (
        f"learning rate over {epochs:.4g} epochs, {len(rates):,} steps: "
        f"first {rates[0]:.3g}, highest {max(rates):.3g}, last {rates[-1]:.3g}"
    )
    return f"{title}\n{draw(rates)}"
