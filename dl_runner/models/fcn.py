"""Fully convolutional network (Long et al., 2015, "Fully convolutional networks for semantic segmentation").

    picture → stages of a classifier, without its head → 1×1 convolution to scores → transposed convolution to the size
                    of the picture

The scores of earlier, finer stages can be added on the way up ("skips", figure 3 of the paper): where the last stage
has a pixel for 32×32 of the picture, FCN-32s has no skips, FCN-16s one and FCN-8s two.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dl_runner import registry
from dl_runner.config.types import CountInt, arguments
from dl_runner.errors import UserError
from dl_runner.layers.upsampling import upsampling
from dl_runner.spec import Classes, DataSpec, Image, Pixels

HEAD = (nn.AdaptiveAvgPool2d, nn.Flatten, nn.Linear)  # a layer with one of these in it begins the head
MEASURED = 256  # side of the picture on which the stages are measured


class FCN(nn.Module):
    """(batch, channels, h, w) → (batch, classes, h, w), any h and w >= 1.

    Args:
        stages: each from the one before, from the picture on; the last ones give scores.
        widths: output channels of the stages that give scores.
        strides: pixels of the picture, each way, for one of these stages' outputs; each a multiple of the one before.
        classes: of a pixel.
    """

    def __init__(self, stages: Sequence[nn.Module], widths: Sequence[int], strides: Sequence[int], classes: int):
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.scores = nn.ModuleList(nn.Conv2d(width, classes, kernel_size=1) for width in widths)
        factors = [strides[0], *(later // earlier for earlier, later in pairwise(strides))]
        self.upsamplings = nn.ModuleList(upsampling(classes, factor) for factor in factors)
        self.stride = strides[-1]

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % self.stride, 0, -height % self.stride))  # so that every stage's size is exact
        scores = []
        for place, stage in enumerate(self.stages, len(self.scores) - len(self.stages)):
            x = stage(x)
            if place >= 0:
                scores.append(self.scores[place](x))  # (batch, classes, h/stride, w/stride)
        y = scores.pop()
        for place in range(len(scores), 0, -1):
            y = self.upsamplings[place](y) + scores[place - 1]
        return self.upsamplings[0](y)[..., :height, :width]


def fcn(data: DataSpec, *, backbone: list, skips: CountInt = 2) -> nn.Module:
    """(batch, channels, h, w) → (batch, classes, h, w), any h and w >= 1.

    Args:
        backbone: [BUILDER, {KEYWORD: VALUE, …}]: a model that is an `nn.Sequential` of convolutional layers followed by
            a head, and the keywords of its builder, which may be left out. Every layer has to keep the size or divide
            it by a whole number.
        skips: earlier stages whose scores are added. A stage ends before the size shrinks; one that has the size of the
            picture counts as well.

    Raises:
        UserError: no classes of the pixels of pictures, or a backbone that is none.
    """
    if not isinstance(data.inputs, Image) or not isinstance(data.targets, Pixels):
        raise UserError("model=fcn: gives a class for each pixel, and the data's targets are others; use another model")
    build, given = _builder(backbone)
    named = f"model.backbone={backbone[0]}"
    layers = _without_head(build(_classifier(data), **given), named)
    with torch.device("meta"):  # the sizes alone, nothing is computed
        measured = replace(_classifier(data), inputs=replace(data.inputs, height=MEASURED, width=MEASURED))
        widths, strides = _measure(_without_head(build(measured, **given), named), data.channels, named)
    ends = [place for place, (one, other) in enumerate(zip(strides, [*strides[1:], 0], strict=True)) if one != other]
    if skips >= len(ends):
        raise UserError(f"model.skips={skips}: {named} has {len(ends)} stages; use at most model.skips={len(ends) - 1}")
    stages = [nn.Sequential(*layers[low:high]) for low, high in pairwise([0, *(end + 1 for end in ends)])]
    used = ends[-1 - skips :]
    return FCN(stages, [widths[end] for end in used], [strides[end] for end in used], data.outputs)


def _builder(backbone: list) -> tuple[Callable[..., nn.Module], dict[str, Any]]:
    name, *rest = backbone or [None]
    if not isinstance(name, str) or len(rest) > 1 or not all(isinstance(one, dict) for one in rest):
        raise UserError(f"model.backbone={backbone}: expected a model and keywords, such as [resnet, {{depth: 18}}]")
    build = registry.builder("model", name)
    return build, arguments(build, rest[0] if rest else {}, "model.backbone", {"data"})


def _classifier(data: DataSpec) -> DataSpec:
    """The pictures, with one class each."""
    return replace(data, targets=Classes(data.classes), task="classification")


def _without_head(model: nn.Module, named: str) -> list[nn.Module]:
    layers = list(model) if isinstance(model, nn.Sequential) else []
    is_head = [any(isinstance(part, HEAD) for part in layer.modules()) for layer in layers]
    kept = layers[: is_head.index(True)] if any(is_head) else []
    if not kept:
        raise UserError(f"{named}: is no sequence of convolutional layers and a head; use resnet, vgg or googlenet")
    return kept


def _measure(layers: Sequence[nn.Module], channels: int, named: str) -> tuple[list[int], list[int]]:
    """Of each layer's output its channels, and how many pixels of the picture, each way, make one of it."""
    widths, strides, x = [], [], torch.zeros(2, channels, MEASURED, MEASURED)
    for layer in layers:
        x = layer(x)
        widths.append(x.shape[1])
        strides.append(MEASURED // x.shape[-1])
        if x.shape[-1] * strides[-1] != MEASURED or strides[-1] % (strides[-2] if len(strides) > 1 else 1):
            raise UserError(
                f"{named}: of {MEASURED} pixels one of its layers makes {x.shape[-1]}, no whole fraction; use a model "
                "with padded convolutions, such as resnet, vgg or googlenet"
            )
    return widths, strides
