"""Many small maps of numbers as one, for drawing them in one go."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def tile(maps: Tensor, columns: int) -> Tensor:
    """Maps (n, height, width) in rows of `columns` with a gap of NaN around each, which imshow leaves blank.

    Returns:
        (rows · (height + gap) + gap, columns · (width + gap) + gap), gap a tenth of the larger side, at least 1.
    """
    count, height, width = maps.shape
    gap = max(1, max(height, width) // 10)
    rows = math.ceil(count / columns)
    full = torch.cat([maps, maps.new_full((rows * columns - count, height, width), torch.nan)])
    padded = F.pad(full, (0, gap, 0, gap), value=torch.nan).unflatten(0, (rows, columns))
    return F.pad(padded.transpose(1, 2).flatten(2).flatten(0, 1), (gap, 0, gap, 0), value=torch.nan)
