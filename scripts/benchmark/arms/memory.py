"""The examples of a job as tensors, for the arms that keep them in memory."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dl_runner.data.idx import read_idx


def load(root: str, part: str) -> tuple[Tensor, Tensor]:
    """Images uint8 (n, 1, 28, 28) and labels int64 (n,) of part "train" or "t10k"."""
    folder = Path(root) / "FashionMNIST" / "raw"
    images, _ = read_idx(folder / f"{part}-images-idx3-ubyte", 3)
    labels, _ = read_idx(folder / f"{part}-labels-idx1-ubyte", 1)
    return torch.from_numpy(images.copy()).unsqueeze(1), torch.from_numpy(labels.astype(np.int64))


def resize(images: Tensor, side: int | None) -> Tensor:
    """Enlarge float images (n, 1, height, width) to a square of `side` pixels; None leaves them as they are."""
    return images if side is None else F.interpolate(images, size=(side, side), mode="bilinear")
