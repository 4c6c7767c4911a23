"""Weights as a heat map with words on its axes: what each place of an attention looks at."""

import math
from collections.abc import Sequence

import numpy as np

from dl_runner.report.pictures import short, to_pixels

MOST_MAPS = 8  # heads
MOST_WORDS = 60  # on an axis


def heat_maps(weights: np.ndarray, rows: Sequence[str], columns: Sequence[str], titles: Sequence[str]) -> np.ndarray:
    """Maps of the same words beside each other, at most 8 of them, with the first 60 words each way; 0 is white, 1 is
    dark blue, in all of them.

    Args:
        weights: 0..1, (maps, at least rows, at least columns); what is beyond the words, such as padding, is left out.
        rows: the words that look, from above.
        columns: the words that are looked at.
        titles: of the maps.

    Returns:
        uint8, (height, width, 3).

    Raises:
        ValueError: no map, fewer titles, or more words than weights.
    """
    from matplotlib.figure import Figure

    if weights.ndim != 3 or not len(weights) or weights.shape[1] < len(rows) or weights.shape[2] < len(columns):
        raise ValueError(f"{weights.shape} weights for {len(rows)} × {len(columns)} words")
    if len(titles) < len(weights):
        raise ValueError(f"{len(titles)} titles for {len(weights)} maps")
    rows, columns = rows[:MOST_WORDS], columns[:MOST_WORDS]
    weights = weights[:MOST_MAPS, : len(rows), : len(columns)]
    across = min(len(weights), 4)
    down = math.ceil(len(weights) / across)
    # Room for the words, of which a map shows those beside it once and those below it each time.
    wide, high = 0.9 + max(1.2, 0.26 * len(columns)), 1.1 + max(0.8, 0.26 * len(rows))
    figure = Figure(figsize=(1.0 + across * wide, 0.3 + down * high), dpi=100, layout="constrained")
    grid = figure.subplots(down, across, squeeze=False)
    style = {"fontsize": 9, "parse_math": False}
    for place, axes in enumerate(grid.flat):
        if place >= len(weights):
            axes.set_axis_off()
            continue
        shown = axes.imshow(weights[place], cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_title(titles[place], **style)
        axes.set_xticks(range(len(columns)), map(short, columns), rotation=90, **style)
        axes.set_yticks(range(len(rows)), map(short, rows) if place % across == 0 else [""] * len(rows), **style)
        axes.tick_params(length=0)
    figure.colorbar(shown, ax=grid, shrink=0.8, aspect=30)
    return to_pixels(figure)
