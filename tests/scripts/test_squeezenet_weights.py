"""Arrays in the order of another library, as torch's tensors."""

import numpy as np
import torch
from torch.nn import functional as F
from torchvision import models

from scripts.squeezenet_weights import FIRES, converted


def test_kernels_are_turned_and_the_first_layer_reads_rgb():
    draw = np.random.default_rng(0)
    model, layers = models.squeezenet1_1(), {"conv1": "features.0", "conv10": "classifier.1"}
    for fire, place in FIRES.items():
        for part in ("squeeze1x1", "expand1x1", "expand3x3"):
            layers[f"fire{fire}/{part}"] = f"features.{place}.{part.replace('squeeze1x1', 'squeeze')}"
    arrays = {}
    for layer, name in layers.items():
        out, within, *size = model.get_parameter(f"{name}.weight").shape
        arrays[layer] = [draw.normal(size=(*size, within, out)), draw.normal(size=out)]
    model.double().load_state_dict(converted(arrays))
    kernel, bias = arrays["conv1"]
    picture = draw.normal(size=(1, 3, 3, 3))  # (n, channels, height, width), RGB
    expected = np.einsum("nchw,hwco->no", picture[:, ::-1], kernel) + bias
    np.testing.assert_allclose(model.features[0](torch.from_numpy(picture)).detach()[..., 0, 0], expected)
    kernel, bias = arrays["fire9/expand3x3"]
    inputs = draw.normal(size=(1, 64, 3, 3))
    expected = np.einsum("nchw,hwco->no", inputs, kernel) + bias
    found = F.conv2d(torch.from_numpy(inputs), model.features[12].expand3x3.weight, torch.from_numpy(bias))
    np.testing.assert_allclose(found.detach()[..., 0, 0], expected)
