"""Small data sets in the official file formats."""

from pathlib import Path

import numpy as np
import pytest
from data_formats import write_idx, write_python2_pickle


@pytest.fixture
def small_mnist(tmp_path) -> tuple[Path, dict[str, np.ndarray]]:
    """A root with 30 training and 12 test images in the MNIST format, and what its files hold."""
    generator = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", 30), ("t10k", 12)):
        arrays[f"{part}-images-idx3-ubyte"] = generator.integers(0, 256, (n, 28, 28), np.uint8)
        arrays[f"{part}-labels-idx1-ubyte"] = (np.arange(n) % 10).astype(np.uint8)
    for name, values in arrays.items():
        write_idx(tmp_path / "MNIST" / "raw" / name, values)
    return tmp_path, arrays


@pytest.fixture
def small_cifar(tmp_path) -> tuple[Path, dict[str, dict]]:
    """A root with the official CIFAR-10 files, each of 20 images, and what they hold."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "cifar-10-batches-py"
    contents = {}
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        pixels = generator.integers(0, 256, (20, 3072), np.uint8)
        contents[name] = {"data": pixels, "labels": generator.integers(0, 10, 20).tolist(), "batch_label": name}
        write_python2_pickle(folder / name, contents[name])
    names = [f"class{number}" for number in range(10)]
    write_python2_pickle(folder / "batches.meta", {"label_names": names, "num_vis": 3072})
    return tmp_path, contents
