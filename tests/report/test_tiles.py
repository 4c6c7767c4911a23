"""Small maps in one."""

import pytest
import torch

from dl_runner.report.tiles import tile


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (6, 3), (5, 2), (3, 4)])
@pytest.mark.parametrize(("height", "width", "gap"), [(5, 5, 1), (3, 20, 2)])
def test_every_map_is_in_its_place_and_the_rest_is_blank(count, columns, height, width, gap):
    maps = torch.rand(count, height, width)
    sheet = tile(maps, columns)
    rows = -(-count // columns)
    assert sheet.shape == (rows * (height + gap) + gap, columns * (width + gap) + gap)
    for i, one in enumerate(maps):
        top, left = gap + i // columns * (height + gap), gap + i % columns * (width + gap)
        assert torch.equal(sheet[top : top + height, left : left + width], one)
    assert int((~sheet.isnan()).sum()) == maps.numel()
