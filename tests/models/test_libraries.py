"""Models of torchvision and timm: made for the data's channels and outputs, or refused in one line."""

import sys

import pytest
import torch
from model_specs import random_batch, task_of
from specs import labelled

from dl_runner.errors import UserError
from dl_runner.registry import builder
from dl_runner.spec import DataSpec, Vector

# The smallest of each family; random weights.
TORCHVISION = [
    ("resnet18", 32),
    ("mobilenet_v3_small", 32),
    ("shufflenet_v2_x0_5", 32),
    ("squeezenet1_1", 32),
    ("googlenet", 32),
    ("efficientnet_b0", 32),
]
TIMM = [
    ("resnet18", 32, 1),
    ("tf_efficientnet_lite0", 32, 3),
    ("mobilenetv3_small_050", 32, 4),
    ("vit_tiny_patch16_224", 32, 1),
]


def made(library, of, **options):
    torch.manual_seed(0)
    return builder("model", library)(of, **options)


def learns(model, of):
    batch = random_batch(of, 2)
    loss, _ = task_of(of).step(model.eval(), batch)
    loss.backward()
    assert model(batch.inputs).shape == (2, of.outputs)
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(("architecture", "side"), TORCHVISION)
def test_a_classifier_of_torchvision_answers_with_the_datas_classes(architecture, side):
    of = labelled((3, side, side), 5)
    learns(made("torchvision", of, architecture=architecture), of)


@pytest.mark.parametrize(("architecture", "side", "channels"), TIMM)
def test_a_model_of_timm_takes_the_datas_channels_and_size(architecture, side, channels):
    of = labelled((channels, side, side), 5)
    learns(made("timm", of, architecture=architecture), of)


def test_torchvisions_are_torchvisions():
    from torchvision.models import resnet18

    ours, theirs = made("torchvision", labelled((3, 32, 32), 7), architecture="resnet18"), resnet18(num_classes=7)
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(ours.eval()(images), theirs.eval()(images))


def test_a_vision_transformer_of_torchvision_is_made_for_the_datas_size():
    with torch.device("meta"):  # sizes without memory
        model = made("torchvision", labelled((3, 64, 64), 5), architecture="vit_b_32")
    assert model.image_size == 64 and model.heads[-1].out_features == 5


@pytest.mark.parametrize(
    ("library", "shape", "options", "told"),
    [
        ("torchvision", (3, 32, 32), {"architecture": "resnet_18"}, "no such classifier; did you mean resnet18"),
        ("torchvision", (1, 32, 32), {}, "take images of 3 channels, and the data's have 1; model=timm takes any"),
        ("torchvision", (3, 40, 40), {"architecture": "vit_b_16"}, r"multiple of 16 .* set data.image_size=32"),
        ("timm", (3, 32, 32), {"architecture": "resnet_18"}, "timm has no such model; did you mean resnet18?"),
        ("torchvision", (3, 38, 38), {"architecture": "convnext_tiny"}, r"4 pixels .* set data.image_size=36 or 40$"),
        ("timm", (3, 30, 30), {"architecture": "vit_tiny_patch16_224"}, r"16 pixels .* 30×30; set .*=16 or 32$"),
        ("timm", (3, 30, 30), {"architecture": "pit_ti_224"}, r"8 pixels .* set data.image_size=24 or 32$"),
        ("timm", (3, 32, 32), {"architecture": "?"}, r"no such model; nearest of \d+ choices: "),
        ("timm", (3, 40, 24), {"architecture": "nest_tiny_jx"}, "does not take images of 3×40×24"),
    ],
)
def test_what_a_library_cannot_make_is_one_line(library, shape, options, told):
    with pytest.raises(UserError, match=told) as caught:
        made(library, labelled(shape, 5), **options)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_a_library_that_is_not_installed_is_one_line(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        UserError, match=rf"needs {library}, which is not installed; pip install 'dl_runner\[{library}\]'"
    ):
        made(library, labelled((3, 32, 32), 5))


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_vectors_are_refused(library):
    with pytest.raises(UserError, match=f"model={library}: needs images"):
        made(library, DataSpec(Vector(4), labelled((3, 8, 8), 2).targets, "classification"))
