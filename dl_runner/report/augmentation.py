"""The picture that shows what an augmentation does: examples beside augmented copies of them."""

from dataclasses import replace

import numpy as np
import torch

from dl_runner.data.batch import map_tensors
from dl_runner.data.preparation import Normalized
from dl_runner.data.splits import Split
from dl_runner.data.transforms import Transform
from dl_runner.report.pictures import image_table
from dl_runner.spec import Classes, DataSpec

EXAMPLES = 4
COPIES = 8


def augmented_copies(split: Split, spec: DataSpec, transform: Transform, seed: int = 0) -> np.ndarray:
    """A row for each of the first four images: as a model would get it unchanged, then in eight augmented copies.

    Normalization is left out. The global random state is neither read nor changed.

    Args:
        split: at least one image.
        spec: of the images.
        transform: the augmentation.
        seed: of the copies, >= 0.

    Returns:
        uint8, (height, width, 3).
    """
    first = range(min(EXAMPLES, len(split)))
    raw, targets = split.take(slice(0, len(first)))
    shown = replace(spec.inputs, mean=(0.0,) * spec.channels, std=(1.0,) * spec.channels)
    generator = torch.Generator().manual_seed(seed % 2**32)
    originals = Normalized(shown, "cpu").inputs(raw)
    repeated = map_tensors(raw, lambda one: one.repeat_interleave(COPIES, 0))
    copies = Normalized(shown, "cpu", transform).inputs(repeated, generator)
    rows = torch.cat([originals[:, None], copies.unflatten(0, (len(first), COPIES))], 1)
    names = (
        [spec.classes[label] for label in targets.tolist()] if isinstance(spec.targets, Classes) else [""] * len(first)
    )
    pixels = rows.mul(255).round().byte().numpy()
    return image_table(pixels, names, ["original", *(f"copy {number}" for number in range(1, COPIES + 1))])
