"""A Fashion-MNIST of a few images that can be learned: each class is a bar at its own height, in noise."""

from pathlib import Path

import numpy as np
import pytest
from data_formats import write_idx

SIZES = {"train": 96, "t10k": 40}


@pytest.fixture
def bars_root(tmp_path) -> Path:
    """A data root with 96 training and 40 test images in the official format."""
    root, generator = tmp_path / "bars", np.random.default_rng(0)
    for part, count in SIZES.items():
        labels = np.arange(count) % 10
        images = generator.integers(0, 60, (count, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label + 4 : 2 * label + 6] += 180
        write_idx(root / "FashionMNIST" / "raw" / f"{part}-images-idx3-ubyte", images)
        write_idx(root / "FashionMNIST" / "raw" / f"{part}-labels-idx1-ubyte", labels.astype(np.uint8))
    return root
