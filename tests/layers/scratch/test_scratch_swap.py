"""`layers=scratch` on every model of the registry, in training runs, and what it refuses."""

import copy
import itertools
from pathlib import Path

import pytest
import torch
from helpers import rows, run
from model_specs import MODELS, answers_of, build_example, example_spec, random_batch
from torch import nn

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.describe import describe
from dl_runner.config.search_path import choices
from dl_runner.config.stored import to_plain
from dl_runner.errors import UserError
from dl_runner.layers.scratch.swap import TWINS, from_scratch
from dl_runner.registry import builder

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.Identity)


def awaken(model: nn.Module) -> None:
    """Weights that keep a signal's size through any depth, and statistics that a normalization cannot ignore."""
    builder("init", "kaiming")()(model)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(layer.running_var, 0.5, 2)
            for value in (layer.weight, layer.bias, layer.running_mean):
                nn.init.normal_(value, mean=1 if value is layer.weight else 0, std=0.1)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_computes_the_same(name):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    spec, model = example_spec(name), build_example(name)
    awaken(model)
    batch = random_batch(spec, 2)
    state = {key: value.data_ptr() for key, value in model.state_dict().items()}
    with torch.inference_mode():
        expected = answers_of(model.eval(), batch)
        assert from_scratch(model) is model
        result = answers_of(model, batch)
    torch.set_num_threads(threads)
    scale = expected.abs().max()
    assert scale > 1e-3
    assert (result - expected).abs().max() <= 1e-4 * scale
    assert state == {key: value.data_ptr() for key, value in model.state_dict().items()}
    left = {type(layer) for layer in model.modules() if type(layer).__module__.startswith("torch")}
    assert left <= set(CONTAINERS)


def test_every_twin_is_torchs_layer_with_another_forward():
    for kind, twin in TWINS.items():
        assert issubclass(twin, kind) and twin.forward is not kind.forward


def test_a_model_keeps_its_parameters_and_what_it_uses_twice():
    class Block(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner, self.act, self.unlisted = inner, nn.Tanh(), [inner]

        def forward(self, x):
            return self.unlisted[0](self.act(self.inner(x)))

    class OwnLinear(nn.Linear):
        def forward(self, x):
            return super().forward(x) + 1

    shared, own = nn.Linear(3, 3), OwnLinear(3, 3)
    model = nn.Sequential(Block(shared), own, nn.Identity(), shared)
    before, x = dict(model.named_parameters()), torch.rand(2, 3)
    expected = model(x)
    from_scratch(model)
    assert type(shared) is TWINS[nn.Linear] and type(own) is OwnLinear
    assert model[0].inner is model[0].unlisted[0] is model[3] is shared
    assert all(value is before[name] for name, value in model.named_parameters())
    torch.testing.assert_close(model(x), expected)
    torch.testing.assert_close(from_scratch(model)(x), expected)  # a second time changes nothing


def test_a_single_layer_is_a_model():
    layer = nn.ReLU(inplace=True)
    assert from_scratch(layer) is layer and type(layer) is TWINS[nn.ReLU]


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.Conv2d(2, 2, 3, dilation=2), "Conv2d has no dilation, no groups, and zero padding given in pixels"),
        (nn.Conv2d(2, 2, 3, groups=2), "groups"),
        (nn.Conv2d(2, 2, 3, padding="same"), "in pixels"),
        (nn.Conv2d(2, 2, 3, padding_mode="reflect", padding=1), "zero padding"),
        (nn.MaxPool2d(2, ceil_mode=True), "no ceil_mode"),
        (nn.MaxPool2d(2, dilation=2), "no dilation"),
        (nn.MaxPool2d(2, return_indices=True), "no return_indices"),
        (nn.AvgPool2d(2, ceil_mode=True), "no ceil_mode"),
        (nn.AvgPool2d(2, count_include_pad=False), "padding that counts"),
        (nn.AvgPool2d(2, divisor_override=3), "no divisor_override"),
        (nn.AdaptiveAvgPool2d(2), "output size 1 only"),
        (nn.AdaptiveAvgPool2d((1, None)), "output size 1 only"),
        (nn.BatchNorm1d(2, momentum=None), "running statistics with a momentum"),
        (nn.BatchNorm2d(2, track_running_stats=False), "running statistics with a momentum"),
        (nn.GELU(approximate="tanh"), "no approximation"),
        (nn.Softmax(), "a dim"),
        (nn.GroupNorm(1, 2), "a torch GroupNorm, which has no from-scratch twin"),
        (nn.TransformerEncoderLayer(2, 1), "a torch TransformerEncoderLayer"),
    ],
)
def test_what_has_no_twin_is_refused_by_name_before_anything_is_swapped(layer, words):
    model = nn.Sequential(nn.Sequential(nn.ReLU(), layer))
    with pytest.raises(UserError) as caught:
        from_scratch(model)
    message = str(caught.value)
    assert message.startswith("layers=scratch: 0.1 is ") and words in message and message.endswith("use layers=torch")
    assert "\n" not in message and type(model[0][0]) is nn.ReLU


def test_the_group_describes_its_choices_and_refuses_others():
    assert choices("layers") == ["scratch", "torch"]
    assert "written out" in describe("layers", "scratch") and "PyTorch" in describe("layers", "torch")
    plain = to_plain(compose([]))
    assert check_config(plain).layers.name == "torch"
    with pytest.raises(UserError, match=r"layers\.name=scrtch: expected one of torch, scratch; did you mean scratch"):
        check_config(plain | {"layers": {"name": "scrtch"}})


RUN = ("data.limit=96", "data.batch_size=16", "trainer.steps=8", "trainer.log_every=1 steps")


def losses(parent: Path, *options: str) -> list[float]:
    """The training loss of every step of a run, and of its evaluations on all splits."""
    run(parent, *RUN, *options)
    kept = [[row[key] for key in sorted(row) if key.endswith("/loss")] for row in rows(parent / "run")]
    assert len(kept) >= 8
    return [loss for row in kept for loss in row]


@pytest.mark.parametrize("options", [["model=lenet"], ["model=bn_lenet", "optimizer.lr=0.05"]], ids=lambda o: o[0])
def test_a_run_learns_the_same(double, tmp_path, options):
    theirs, ours = (losses(tmp_path / layers, *options, f"layers={layers}") for layers in ("torch", "scratch"))
    assert ours == pytest.approx(theirs, rel=1e-10)
    assert theirs[0] != theirs[1]


def test_everything_from_scratch_learns_as_torch_does(double, tmp_path):
    """Dropout included, which draws what torch's draws."""
    common = ["model.dropout=0.3", "regularization.weight_decay=0.01"]
    theirs = losses(tmp_path / "torch", *common, "loss=cross_entropy", "optimizer=momentum")
    scratch = ["layers=scratch", "loss=cross_entropy_scratch", "optimizer=momentum_scratch"]
    assert losses(tmp_path / "scratch", *common, *scratch) == pytest.approx(theirs, rel=1e-10)


def test_a_checkpoint_of_one_kind_of_layers_loads_into_the_other():
    for one, other in itertools.permutations([nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)) for _ in range(2)]):
        twin = from_scratch(copy.deepcopy(one)).eval()
        other.load_state_dict(twin.state_dict())
        x = torch.rand(4, 2)
        torch.testing.assert_close(other.eval()(x), twin(x))
