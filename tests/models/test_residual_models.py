"""The residual networks against torchvision's."""

import pytest
import torch
import torchvision
from model_specs import RESIDUAL, build
from torch import nn

from dl_runner.build.pretrained import load_pretrained
from dl_runner.config.parsed import PretrainedConfig
from dl_runner.layers.residual import Bottleneck, Residual

# The keys of saved weights: to change them is to lose every run's checkpoints.
KEYS = {
    Residual: ["conv1", "norm1", "conv2", "norm2"],
    Bottleneck: ["conv1", "norm1", "conv2", "norm2", "conv3", "norm3"],
}


def torchvision_weights(ours: nn.Sequential) -> dict[str, torch.Tensor]:
    """Our weights under torchvision's names; its convolutions have no biases, its projections a norm of their own."""
    stem, *stages, head = ours
    parts = {"conv1": stem[0], "bn1": stem[1], "fc": head[-1]}
    for i, stage in enumerate(stages, 1):
        for j, block in enumerate(stage):
            own = dict(block.named_children())
            parts |= {f"layer{i}.{j}.{key.replace('norm', 'bn')}": own[key] for key in KEYS[type(block)]}
            if isinstance(block.projection, nn.Conv2d):
                parts[f"layer{i}.{j}.downsample.0"] = block.projection
    return {
        f"{name}.{key}": value
        for name, module in parts.items()
        for key, value in module.state_dict().items()
        if not (isinstance(module, nn.Conv2d) and key == "bias")
    }


def randomize_normalization(model: nn.Module) -> None:
    """Biases of convolutions to zero; of normalization all that training would change, or else it is the identity."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.1, 0.1)
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "stem"), [*((name, "imagenet") for name in RESIDUAL), ("resnet18", "small"), ("resnet50", "small")]
)
def test_a_residual_network_equals_torchvisions(name, stem):
    ours = build(name, (3, 33, 33), 7, stem=stem).eval()
    randomize_normalization(ours)
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)(num_classes=7).eval()
        if stem == "small":
            theirs.conv1, theirs.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    for key, module in list(theirs.named_modules()):
        if key.endswith("downsample"):
            module[1] = nn.Identity()
    theirs.load_state_dict(torchvision_weights(ours), assign=True)
    images = torch.randn(2, 3, 33, 33)
    torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-4)


def test_the_keys_of_resnet18s_weights():
    state = build("resnet18").state_dict()
    assert len(state) == 127
    modules = dict.fromkeys(key.rpartition(".")[0] for key in state)
    assert list(modules)[:10] == ["0.0", "0.1", *(f"1.{j}.{key}" for j in (0, 1) for key in KEYS[Residual])]
    assert [key for key in modules if "projection" in key] == [f"{i}.0.projection" for i in (2, 3, 4)]
    assert list(modules)[-1] == "5.2"


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_batch_of_one_does_not_stop_training_with_the_small_stem(name):
    assert build(name, stem="small").train()(torch.rand(1, 1, 28, 28)).shape == (1, 10)


@torch.no_grad()
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_without_biases_and_with_normalized_shortcuts_it_reads_torchvisions_weights_in_order(name, tmp_path):
    theirs = getattr(torchvision.models, name)(num_classes=7).eval()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):  # all that training would change, or else it is the identity
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    ours = build(name, (3, 33, 33), 7, bias=False, norm_shortcut=True).eval()
    loaded = load_pretrained(ours, PretrainedConfig(str(tmp_path / "w.pth"), (), "order"))
    assert not loaded.new and not loaded.left_out
    images = torch.randn(2, 3, 33, 33)
    torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-4)
