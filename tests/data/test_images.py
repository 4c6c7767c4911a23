"""Pictures that a plain conversion would get wrong: 16 bits, transparency; and any proportions."""

import numpy as np
import pytest
import torch
from PIL import Image

from dl_runner.data.images import decode


def test_sixteen_bit_grey_is_scaled_and_not_clipped(tmp_path):
    Image.fromarray(np.full((9, 9), 20000, np.uint16)).save(tmp_path / "deep.png")
    assert torch.equal(decode(tmp_path / "deep.png", (4, 4)), torch.full((3, 4, 4), 20000 >> 8, dtype=torch.uint8))


def test_transparent_parts_are_white(tmp_path):
    Image.new("RGBA", (6, 6), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (decode(tmp_path / "clear.png", (6, 6), 1) == 255).all()


@pytest.mark.parametrize("size", [(4, 4), (3, 8), (8, 3), (20, 20)])
@pytest.mark.parametrize("source", [(5, 9), (9, 5), (1, 30), (7, 7)])
def test_any_picture_covers_any_size(source, size, tmp_path):
    Image.new("RGB", source, (10, 200, 30)).save(tmp_path / "plain.png")
    pixels = decode(tmp_path / "plain.png", size)
    assert pixels.shape == (3, *size)
    assert (pixels == torch.tensor([10, 200, 30], dtype=torch.uint8)[:, None, None]).all()
