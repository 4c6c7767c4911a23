"""The model that is a single convolution."""

import pytest
import torch
from specs import numbered
from torch.nn import functional as F

from dl_runner.errors import UserError
from dl_runner.models.convolution import convolution


@pytest.mark.parametrize(
    ("shape", "kernel", "maps"), [((1, 6, 8), (1, 2), 1), ((3, 5, 5), (3, 3), 2), ((1, 2, 2), (2, 2), 4)]
)
def test_it_makes_as_many_maps_as_the_outputs_need(shape, kernel, maps):
    pixels = (shape[1] - kernel[0] + 1) * (shape[2] - kernel[1] + 1)
    model = convolution(numbered(shape, maps * pixels), kernel=kernel)
    (weight,) = model.parameters()
    assert weight.shape == (maps, shape[0], *kernel)
    images = torch.randn(2, *shape)
    torch.testing.assert_close(model(images), F.conv2d(images, weight).flatten(1))


@pytest.mark.parametrize(
    ("shape", "outputs", "kernel", "message"),
    [
        ((5,), 1, (1, 2), "model=convolution: needs images, but one example of the data is vector of shape"),
        ((1, 6, 8), 10, (1, 2), "model=convolution: its maps of 42 pixels cannot make up 10 outputs"),
        ((1, 6, 8), 42, (7, 1), r"model.kernel=\[7, 1\]: needs a height and a width, at most those of the images, 6x8"),
        ((1, 6, 8), 42, (2,), r"model.kernel=\[2\]: needs a height and a width"),
    ],
)
def test_what_does_not_fit_is_refused(shape, outputs, kernel, message):
    with pytest.raises(UserError, match=message):
        convolution(numbered(shape, outputs), kernel=kernel)
