"""The fully convolutional network against one written by hand, and at any size of picture."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dl_runner.errors import UserError
from dl_runner.layers.scratch.swap import from_scratch
from dl_runner.layers.upsampling import upsampling
from dl_runner.models.fcn import fcn
from dl_runner.models.resnet import resnet
from dl_runner.registry import builder
from dl_runner.spec import Classes, DataSpec, Image, Pixels


def spec(height=64, width=64, channels=1, classes=4):
    return DataSpec(
        Image(channels, height, width, (0.0,) * channels, (1.0,) * channels),
        Pixels(tuple(map(str, range(classes))), height, width),
        "segmentation",
    )


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 8])
def test_an_upsampling_starts_as_bilinear_interpolation(factor):
    layer = upsampling(3, factor).double()
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = layer(x)
    expected = F.interpolate(x, scale_factor=factor, mode="bilinear")
    assert y.shape == expected.shape
    inner = slice(factor, -factor)  # at the edges torch repeats the pixels, and a convolution has zeros
    torch.testing.assert_close(
        y[..., inner, inner], expected[..., inner, inner], rtol=0, atol=1e-6
    )  # of weights in float32


def by_hand(backbone: nn.Sequential, model: nn.Module, x: torch.Tensor, skips: int) -> torch.Tensor:
    """ResNet's five parts, scores, and the sums from coarse to fine, for pictures of multiples of 32."""
    stem, *stages, _ = backbone
    maps, x = [], stem(x)
    for stage in stages:
        x = stage(x)
        maps.append(x)  # a quarter, an eighth, a sixteenth, a thirty-second of each side
    used = maps[-1 - skips :]
    scores = [F.conv2d(features, layer.weight, layer.bias) for features, layer in zip(used, model.scores, strict=True)]
    y = scores[-1]
    for score, layer in zip(reversed(scores[:-1]), reversed(list(model.upsamplings)[1:]), strict=True):
        y = score + F.conv_transpose2d(y, layer.weight, stride=2, padding=1)
    factor = 2 ** (5 - skips)
    return F.conv_transpose2d(y, model.upsamplings[0].weight, stride=factor, padding=factor // 2)


@pytest.mark.parametrize("skips", [0, 1, 2, 3])
def test_it_is_the_backbone_with_scores_added_on_the_way_up(skips):
    model = fcn(spec(), backbone=["resnet", {"depth": 18}], skips=skips).double().eval()
    backbone = resnet(DataSpec(Image(1, 64, 64), Classes(("a", "b")), "classification")).double().eval()
    ours = [tensor for stage in model.stages for tensor in stage.state_dict().values()]
    theirs = {name: None for name in backbone.state_dict() if not name.startswith("5.")}
    assert len(ours) == len(theirs)
    backbone.load_state_dict(dict(zip(theirs, ours, strict=True)), strict=False)
    x = torch.randn(2, 1, 64, 96, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model(x), by_hand(backbone, model, x, skips))


@pytest.mark.parametrize("backbone", [["resnet"], ["vgg", {"divisor": 16}], ["googlenet"]])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 47), (65, 70)])
def test_the_outputs_have_the_size_of_the_picture(backbone, height, width):
    model = fcn(spec(height, width, channels=3), backbone=backbone).eval()
    assert model(torch.zeros(2, 3, height, width)).shape == (2, 4, height, width)
    assert model(torch.zeros(1, 3, 7, 1)).shape == (1, 4, 7, 1)  # and of any other


def test_a_small_stem_and_no_skips():
    model = fcn(spec(), backbone=["resnet", {"stem": "small"}], skips=0)
    assert (model.stride, len(model.upsamplings)) == (8, 1)
    assert fcn(spec(), backbone=["resnet", {"stem": "small"}], skips=3).upsamplings[0].stride == (1, 1)


@pytest.mark.parametrize("init", ["normal", "uniform", "xavier_uniform", "xavier_normal", "kaiming", "constant"])
def test_initializers_leave_the_interpolation(init):
    model = fcn(spec(), backbone=["resnet"])
    before = copy.deepcopy(model)
    builder("init", init)()(model)
    assert not torch.equal(model.scores[0].weight, before.scores[0].weight)
    for one, other in zip(model.upsamplings, before.upsamplings, strict=True):
        assert torch.equal(one.weight, other.weight)


def test_the_seed_alone_decides_the_weights():
    def weights():
        torch.manual_seed(0)
        return fcn(spec(), backbone=["vgg", {"divisor": 16}]).state_dict()

    for one, other in zip(weights().values(), weights().values(), strict=True):
        assert torch.equal(one, other) and one.device.type == "cpu"


def test_from_scratch_it_computes_the_same():
    model = fcn(spec(33, 35), backbone=["vgg", {"divisor": 16}]).double().eval()
    x = torch.randn(2, 1, 33, 35, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = model(x)
    ours = from_scratch(model)
    assert type(ours.upsamplings[0]).__name__ == "ScratchConvTranspose2d"
    torch.testing.assert_close(ours(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"backbone": []}, r"model\.backbone=\[\]: expected a model and keywords"),
        ({"backbone": ["resnt"]}, "did you mean resnet"),
        ({"backbone": ["resnet", {"width": 3}]}, r"model\.backbone\.width=3: resnet has no such parameter"),
        ({"backbone": ["resnet", {"depth": 17}]}, r"model\.backbone\.depth=17: expected one of 18, 34"),
        ({"backbone": ["lenet"]}, "makes 124, no whole fraction; use"),
        ({"backbone": ["mlp"]}, "no sequence of convolutional layers and a head"),
        ({"backbone": ["resnet"], "skips": 4}, "has 4 stages; use at most model.skips=3"),
    ],
)
def test_a_backbone_that_is_none_is_refused(keywords, message):
    with pytest.raises(UserError, match=message):
        fcn(spec(), **keywords)


def test_other_targets_are_refused():
    with pytest.raises(UserError, match="model=fcn: gives a class for each pixel"):
        fcn(DataSpec(Image(1, 64, 64), Classes(("a", "b")), "classification"), backbone=["resnet"])
