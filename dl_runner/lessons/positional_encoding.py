"""Sinusoidal positions: clocks of different speeds, on which a distance is the same turn wherever it begins."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dl_runner.config.types import PositiveInt
from dl_runner.errors import UserError
from dl_runner.layers.positions import sinusoids
from dl_runner.running.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def positional_encoding(
    lesson: Lesson, *, places: PositiveInt = 60, width: PositiveInt = 32, column: PositiveInt = 6, distance: int = 4
) -> "Figure":
    """Attention does not know which place comes first; vectors that are added to the tokens' tell it.

    Columns 2i and 2i + 1 are sine and cosine of place · 10000^(−2i / width): a hand that turns fast for small i and
    slowly for large ones, as the last digits of a counter change faster than the first. `distance` places later, each
    hand has turned by the same angle from wherever it was, so a linear map finds the place at that distance.

    Args:
        places: that are drawn.
        width: of the vectors, even.
        column: the first of four whose values are drawn, and of the hand; even, at most width − 4.
        distance: at least 1, fewer than `places`.

    Returns:
        The table of all vectors; four of its columns; a hand and its turn; the dot products of all places with one.

    Raises:
        UserError: a column or a distance that is not there.
    """
    from matplotlib.figure import Figure

    if width % 2 or column % 2 or column > width - 4:
        raise UserError(
            f"lesson.column={column}: has to be even and at most lesson.width - 4, and lesson.width={width} even"
        )
    if not 1 <= distance < places:
        raise UserError(f"lesson.distance={distance}: has to be at least 1 and below lesson.places={places}")
    table = sinusoids(places, width).double()
    turned = turn(table[:-distance], distance)
    lesson.metrics["largest difference between a turned vector and the one at the distance"] = (
        (turned - table[distance:]).abs().max().item()
    )
    figure = Figure(figsize=(15, 10.5), layout="constrained")
    figure.suptitle(f"Sinusoidal positions: {places} places, vectors of {width} numbers")
    (whole, waves), (circle, products) = figure.subplots(2, 2)
    image = whole.imshow(table, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    whole.set(xlabel="column: fast hands on the left, slow ones on the right", ylabel="place", title="The table")
    figure.colorbar(image, ax=whole)
    for at in range(column, column + 4):
        waves.plot(table[:, at], label=f"column {at}: {'cosine' if at % 2 else 'sine'}, period {period(at, width):.0f}")
    waves.set(xlabel="place", ylim=(-1.1, 1.6), title="Four columns: two hands, each with its period in places")
    waves.legend(loc="upper right", ncols=2)
    _draw_hand(circle, table[:, column : column + 2], period(column, width), distance)
    middle = places // 2
    products.plot(table @ table[middle], color="tab:green")
    products.axvline(middle, color="gray", linestyle=":", label=f"place {middle}, squared length {width // 2}")
    products.set(xlabel="place", title="Dot products with one place: they depend on the distance alone")
    products.legend()
    for axes in (waves, products):
        axes.grid(alpha=0.3)
    return figure


def period(column: int, width: int) -> float:
    """The places in which the hand of a column turns once around."""
    return 2 * math.pi * 10_000 ** ((column - column % 2) / width)


def turn(vectors: Tensor, distance: int) -> Tensor:
    """Positions (n, width), width even, at a distance from these, by turning each pair of sine and cosine."""
    width = vectors.shape[1]
    angles = distance * 10_000.0 ** (-torch.arange(0, width, 2, dtype=vectors.dtype) / width)
    sine, cosine = vectors[:, 0::2], vectors[:, 1::2]
    later = angles.cos() * sine + angles.sin() * cosine, angles.cos() * cosine - angles.sin() * sine
    return torch.stack(later, 2).flatten(1)


def _draw_hand(axes: "Axes", hand: Tensor, turns: float, distance: int) -> None:
    """The places of one turn at most around a circle, and the same turn from three of them on."""
    shown = min(len(hand), max(int(turns), distance + 1))
    axes.scatter(hand[:shown, 1], hand[:shown, 0], c=range(shown), cmap="viridis", s=60, zorder=3)
    for place in range(shown):
        axes.annotate(
            str(place), hand[place, [1, 0]].tolist(), hand[place, [1, 0]].mul(1.13).tolist(), ha="center", va="center"
        )
    for start, color in zip(range(0, shown - distance, max(1, shown // 3)), ("C0", "C1", "C3"), strict=False):
        ends = [hand[place, [1, 0]].tolist() for place in (start, start + distance)]
        style = {"arrowstyle": "-|>", "color": color, "linewidth": 2}
        axes.annotate("", ends[1], ends[0], arrowprops=style)
        for end in ends:
            axes.plot([0, end[0]], [0, end[1]], color=color, linewidth=1, alpha=0.5)
    degrees = 360 * distance / turns
    axes.set(xlabel="cosine", ylabel="sine", xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal")
    axes.set_title(f"One hand: {distance} places later is always a turn of {degrees:.0f}°")
