"""The smallest and any larger image for each model, and the architectures layer by layer or against torchvision's."""

from itertools import chain, takewhile

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from model_specs import SMALLEST, build, kinds
from torch import nn
from torch.nn import functional as F
from torchvision.models import vgg as torchvision_vgg

from dl_runner.errors import UserError

LIMITED = [name for name, side in SMALLEST.items() if side > 1]


def leaves(model: nn.Module) -> list[nn.Module]:
    return [layer for layer in model.modules() if next(layer.children(), None) is None]


def convolutions(model: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]


def shape(layer: nn.Conv2d) -> tuple[int, ...]:
    """Outputs, kernel, stride, padding; for the square layers."""
    return layer.out_channels, layer.kernel_size[0], layer.stride[0], layer.padding[0]


@pytest.mark.parametrize("name", SMALLEST)
def test_a_model_trains_on_two_images_of_its_smallest_size(name):
    side = SMALLEST[name]
    model = build(name, (1, side, side)).train()
    loss = F.cross_entropy(model(torch.randn(2, 1, side, side)), torch.tensor([3, 8]))
    loss.backward()
    assert loss.isfinite() and all(one.grad is not None for one in model.parameters())
    if name not in ("resnet50", "resnet101", "resnet152"):  # where 50 norms of two numbers overflow the gradient
        assert all(one.grad.isfinite().all() for one in model.parameters())


@pytest.mark.parametrize("name", LIMITED)
@pytest.mark.parametrize("lacking", [(1, 1), (1, 0), (0, 1)])
def test_a_smaller_image_is_refused_with_the_smallest_size(name, lacking):
    side = SMALLEST[name]
    height, width = side - lacking[0], side - lacking[1]
    with pytest.raises(UserError) as caught:
        build(name, (1, height, width))
    assert str(caught.value) == (
        f"model={name}: needs images of at least {side}x{side} pixels, not {height}x{width}; "
        f"set data.image_size={side} or more"
    )


@pytest.mark.parametrize("name", LIMITED)
def test_a_smaller_image_would_leave_the_convolutions_nothing(name):
    side = SMALLEST[name]
    ends = (nn.Flatten, nn.AdaptiveAvgPool2d)
    with torch.device("meta"):
        features = nn.Sequential(
            *takewhile(lambda layer: not isinstance(layer, ends), leaves(build(name, (1, 99, 99))))
        )
        assert features(torch.empty(2, 1, side, side)).shape[-2:] == (1, 1)
        with pytest.raises(RuntimeError, match="too small"):
            features(torch.empty(2, 1, side - 1, side - 1))


@settings(max_examples=10, deadline=None)
@pytest.mark.parametrize("name", LIMITED)
@given(data=st.data())
def test_a_model_fits_any_image_from_its_smallest_on(name, data):
    sides = st.integers(SMALLEST[name], SMALLEST[name] + 200)
    example = (data.draw(st.integers(1, 4)), data.draw(sides), data.draw(sides))
    outputs = data.draw(st.integers(1, 12))
    with torch.device("meta"):  # shapes without memory
        assert build(name, example, outputs)(torch.empty(2, *example)).shape == (2, outputs)


@pytest.mark.parametrize("name", ["googlenet", "inception_v3", "resnet34", "resnet50"])
@pytest.mark.parametrize("example", [(2, 1, 70), (1, 33, 8)])
def test_a_model_that_averages_its_maps_fits_any_image(name, example):
    with torch.device("meta"):
        assert build(name, example, 4)(torch.empty(2, *example)).shape == (2, 4)


def test_lenet_parallel_layer_by_layer():
    model = build("lenet_parallel")
    convolution = [nn.Conv2d, nn.ReLU, nn.AvgPool2d]
    assert kinds(model) == [*convolution * 2, nn.Flatten, nn.Linear, nn.ReLU, nn.Linear]
    assert [shape(layer) for layer in convolutions(model)] == [(20, 3, 1, 0), (50, 5, 1, 0)]
    assert (model[7].in_features, model[7].out_features) == (50 * 4 * 4, 128)


def test_bn_lenet_layer_by_layer():
    model = build("bn_lenet")
    convolution = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d]
    dense = [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert kinds(model) == [*convolution * 2, nn.Flatten, *dense]
    assert [shape(layer) for layer in convolutions(model)] == [(6, 5, 1, 0), (16, 5, 1, 0)]
    assert (model[9].in_features, model[9].out_features, model[12].out_features) == (256, 120, 84)


def test_alexnet_layer_by_layer():
    with torch.device("meta"):
        model = build("alexnet", (1, 224, 224), last_width=256, dropout=0.3)
    large, small = [nn.Conv2d, nn.ReLU, nn.MaxPool2d], [nn.Conv2d, nn.ReLU]
    assert kinds(model[0]) == [*large * 2, *small * 3, nn.MaxPool2d]
    assert [shape(layer) for layer in convolutions(model)] == [
        (96, 11, 4, 1),
        (256, 5, 1, 2),
        (384, 3, 1, 1),
        (384, 3, 1, 1),
        (256, 3, 1, 1),
    ]
    assert kinds(model[1]) == [nn.Flatten, *[nn.Linear, nn.ReLU, nn.Dropout] * 2, nn.Linear]
    assert model[1][1].in_features == 256 * 5 * 5
    assert [layer.p for layer in model[1] if isinstance(layer, nn.Dropout)] == [0.3, 0.3]


def test_nin_layer_by_layer():
    model = build("nin", (3, 67, 67), 7, dropout=0.3)
    block, pooling = nn.Sequential, nn.MaxPool2d
    assert kinds(model) == [*[block, pooling] * 3, nn.Dropout, block, nn.AdaptiveAvgPool2d, nn.Flatten]
    assert all(kinds(layer) == [nn.Conv2d, nn.ReLU] * 3 for layer in model if isinstance(layer, block))
    first = [(96, 11, 4, 0), (256, 5, 1, 2), (384, 3, 1, 1), (7, 3, 1, 1)]
    assert [shape(layer) for layer in convolutions(model)] == list(
        chain.from_iterable((one, *[(one[0], 1, 1, 0)] * 2) for one in first)
    )
    assert all((layer.kernel_size, layer.stride) == (3, 2) for layer in model if isinstance(layer, pooling))
    assert model[6].p == 0.3


def filled(model: nn.Module) -> nn.Module:
    """A model from the meta device with random weights that keep the scale of what passes."""
    model = model.to_empty(device="cpu").eval()
    for parameter in model.parameters():
        bound = (6 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.1
        nn.init.uniform_(parameter, -bound, bound)
    return model


def give(ours: nn.Module, theirs: nn.Module) -> None:
    """Our layers share their weights, which come in the same order."""
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)), assign=True)


@torch.no_grad()
def test_vgg_equals_torchvisions_at_224_pixels():
    torch.manual_seed(0)
    with torch.device("meta"):
        ours, theirs = build("vgg", (3, 224, 224), divisor=1).eval(), torchvision.models.vgg11(num_classes=10)
    give(ours, filled(theirs))
    image = torch.randn(1, 3, 224, 224)
    torch.testing.assert_close(ours(image), theirs(image), rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize(("depth", "row"), [(11, "A"), (13, "B"), (16, "D"), (19, "E")])
def test_the_blocks_of_vgg_equal_torchvisions(depth, row):
    torch.manual_seed(0)
    with torch.device("meta"):
        ours = build("vgg", (3, 64, 64), depth=depth, divisor=1)[:-1]
        theirs = torchvision_vgg.make_layers(torchvision_vgg.cfgs[row])
    give(ours, filled(theirs))
    image = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(ours(image), theirs(image), rtol=1e-4, atol=1e-4)


def test_vggs_divisor_divides_the_widths_of_all_convolutions_and_nothing_else():
    with torch.device("meta"):
        model = build("vgg", (1, 32, 32), depth=16, divisor=8, dropout=0.2)
    widths = [8, 8, 16, 16, *[32] * 3, *[64] * 6]
    assert [layer.out_channels for layer in convolutions(model)] == widths
    assert [layer.out_features for layer in model[-1] if isinstance(layer, nn.Linear)] == [4096, 4096, 10]
    assert [layer.p for layer in model[-1] if isinstance(layer, nn.Dropout)] == [0.2, 0.2]


def test_googlenet_has_torchvisions_widths():
    with torch.device("meta"):
        # Not torchvision's layers: those have batch normalization, and 3×3 where the paper has 5×5.
        theirs = torchvision.models.googlenet(num_classes=10, aux_logits=False, init_weights=False)
        ours = build("googlenet", (3, 96, 96))
        assert [layer.out_channels for layer in convolutions(ours)] == [
            layer.out_channels for layer in convolutions(theirs)
        ]
        images = torch.empty(2, 3, 96, 96)
        assert [tuple(stage(images).shape) for stage in (ours[:1], ours[:2], ours[:3], ours[:4])] == [
            (2, 192, 12, 12),
            (2, 480, 12, 12),
            (2, 832, 6, 6),
            (2, 1024, 3, 3),
        ]


def test_inception_v3_factorizes_googlenets_convolutions_stage_by_stage():
    with torch.device("meta"):
        v1, v3 = build("googlenet", (1, 96, 96)), build("inception_v3", (1, 96, 96))
        images = torch.empty(2, 1, 96, 96)
        for end in range(1, 5):
            assert v1[:end](images).shape == v3[:end](images).shape
        kernels = [
            [
                [f"{h}x{w}" for h, w in (layer.kernel_size for layer in convolutions(branch))]
                for branch in block.branches
            ]
            for block in (v3[1][0], v3[2][1], v3[3][1])  # each stage's first; a pooling stands before the later ones
        ]
        once = ["1x7", "7x1"]
        assert kernels == [
            [["1x1"], ["1x1", "3x3"], ["1x1", "3x3", "3x3"], ["1x1"]],
            [["1x1"], ["1x1", *once], ["1x1", *once, *once], ["1x1"]],
            [["1x1"], ["1x1", "1x3", "3x1"], ["1x1", "3x3", "1x3", "3x1"], ["1x1"]],
        ]
        assert [layer.out_channels for layer in convolutions(v3[3][1].branches[2])] == [32, 128, 64, 64]


def test_a_vgg_normalizes_after_each_convolution_where_it_is_asked_to():
    with torch.device("meta"):
        plain, normalized = (build("vgg", (1, 32, 32), divisor=16, batch_norm=wanted) for wanted in (False, True))
    for ours, theirs in zip(list(normalized)[:-1], list(plain)[:-1], strict=True):
        expected = []
        for kind in kinds(theirs):
            expected += [kind, nn.BatchNorm2d] if kind is nn.Conv2d else [kind]
        assert kinds(ours) == expected
