"""Small pictures for tests, written by Pillow."""

from pathlib import Path

import numpy as np
from PIL import Image


def picture(path: Path, width: int = 12, height: int = 9, mode: str = "RGB", **options) -> Path:
    """A picture of noise, which depends on the name and the width."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(len(path.name) + width)
    pixels = generator.integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


def class_folders(folder: Path, n: int, classes=("cat", "dog")) -> Path:
    """`n` pictures of different sizes for each class."""
    for name in classes:
        for number in range(n):
            picture(folder / name / f"{number:02}.png", width=10 + number)
    return folder


def deep(path: Path, top: int, kind: type = np.uint16, side: int = 8) -> Path:
    """A grey picture of more than 8 bits: a ramp from 0 to `top`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.linspace(0, top, side * side).reshape(side, side)
    Image.fromarray((values if kind is np.float32 else values.round()).astype(kind)).save(path)
    return path
