"""Two processes make the run that one makes: losses, weights, metrics, checkpoints."""

import json
import shutil

import pytest
import torch
import work
from safetensors.torch import load_file
from torch import nn

from compare_parallel import losses as losses_of

GROUPED = ("ddp", "fsdp", "manual")
EVERY_STEP = ("trainer.log_every=1 step", "trainer.epochs=null")
# Smooth everywhere: where two values are equal but for rounding, their maximum or a ReLU would jump.
SMOOTH = ("model=lenet", "model.pooling=average", "model.activation=tanh", "optimizer.lr=0.05")
LENET = (*SMOOTH, "data=digits", "data.batch_size=50", *EVERY_STEP)


def losses(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row["train/loss"] for row in rows if "train/loss" in row]


def final(folder):
    return json.loads((folder / "run.json").read_text())["metrics"]


def weights(folder, which="last"):
    return load_file(folder / "checkpoints" / f"{which}.safetensors")


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.allclose(one[name], other[name], rtol=1e-9, atol=1e-10), name


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """LeNet for 50 steps in one process, the last batch of its epochs smaller and odd."""
    folder = tmp_path_factory.mktemp("alone")
    work.train(folder, *LENET, "trainer.steps=50")
    return folder / "run"


@pytest.mark.parametrize("name", GROUPED)
def test_two_processes_make_the_losses_of_one(name, alone, pair, tmp_path):
    pair.run(work.train, tmp_path, *LENET, "trainer.steps=50", f"parallel={name}")
    folder = tmp_path / "run"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert len(losses(folder)) == 50
    assert losses(folder) == pytest.approx(losses(alone), rel=1e-10)
    one, other = final(alone), final(folder)
    for metric in ("validation/accuracy", "test/accuracy", "test/loss", "train/gradient_norm", "train/weight_norm"):
        assert other[metric] == pytest.approx(one[metric], rel=1e-9)
    assert_same_weights(weights(alone), weights(folder))
    assert json.loads((folder / "run.json").read_text())["parallel"] == {"name": name, "processes": 2}


@pytest.mark.parametrize(
    ("name", "model"), [("ddp", "resnet18"), ("ddp", "bn_lenet"), ("fsdp", "bn_lenet"), ("manual", "bn_lenet")]
)
def test_synchronized_batch_statistics_make_the_losses_of_one(name, model, pair):
    """In float64: in float32 the rounding of a ResNet grows to a percent within ten steps, in one process, too."""
    options = (f"model={model}", "data=digits", "data.limit=35", "data.batch_size=15", "optimizer.lr=0.01")
    options = (*options, "trainer.steps=5", "trainer.test=never", *EVERY_STEP)
    alone = losses_of(torch.float64, options)
    shared = [*options, f"parallel={name}", "parallel.sync_batchnorm=true"]
    together, _ = pair.run(losses_of, torch.float64, shared)
    assert len(alone) == 5
    assert together == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize("name", GROUPED)
def test_accumulated_clipped_and_decayed_steps_are_the_same(name, pair, tmp_path):
    options = (*LENET, "trainer.steps=8", "trainer.accumulate=3", "trainer.clip_norm=0.5", "optimizer=adamw")
    options = (*options, "optimizer.lr=0.01", "regularization.weight_decay=0.1", "data.limit=208")
    work.train(tmp_path / "alone", *options)
    pair.run(work.train, tmp_path / "pair", *options, f"parallel={name}")
    assert losses(tmp_path / "pair" / "run") == pytest.approx(losses(tmp_path / "alone" / "run"), rel=1e-10)


MOMENTUM = (*LENET, "trainer.steps=60", "optimizer=momentum", "optimizer.lr=0.02")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    work.train(folder, *MOMENTUM)
    return folder / "run"


@pytest.mark.parametrize(("first", "second"), [("ddp", "none"), ("fsdp", "none"), ("none", "fsdp"), ("manual", "fsdp")])
def test_a_checkpoint_goes_on_anywhere(first, second, pair, uninterrupted, tmp_path):
    stopped = (tmp_path, 9, *MOMENTUM, f"parallel={first}")
    ended = pair.run(work.train_and_stop, *stopped) if first != "none" else [work.train_and_stop(*stopped)]
    assert set(ended) == {"interrupted"}
    folder = tmp_path / "run"
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    assert 9 <= json.loads((folder / "run.json").read_text())["step"] < 60
    torch.load(folder / "checkpoints" / "last.pt", weights_only=True)  # plain tensors, whatever wrote them

    changed = {"name": second, "devices": None}
    if second == "none":
        work.go_on(folder, changed)
    else:
        pair.run(work.go_on, folder, changed)
    assert len(losses(folder)) == 60
    assert_same_weights(weights(folder), weights(uninterrupted))


def test_a_group_goes_on_exactly_where_it_stopped_with_dropout_in_every_process(pair, tmp_path):
    options = ("model=mlp", "model.dropout=0.5", "data=digits", "data.batch_size=50", "trainer.steps=60", *EVERY_STEP)
    pair.run(work.train, tmp_path / "whole", *options, "parallel=ddp")
    pair.run(work.train_and_stop, tmp_path / "parts", 9, *options, "parallel=ddp")
    pair.run(work.go_on, tmp_path / "parts" / "run")
    assert losses(tmp_path / "parts" / "run") == pytest.approx(losses(tmp_path / "whole" / "run"), rel=1e-12)
    one, other = weights(tmp_path / "parts" / "run"), weights(tmp_path / "whole" / "run")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_processes_drop_out_different_units(pair, tmp_path):
    """With the same masks in both, the two halves of a batch of twins would have the same loss."""
    found = pair.run(work.in_group, work.first_random_number)
    assert found[0] != found[1]


@pytest.mark.parametrize("shape", [(7, 3), (5, 2, 4, 3)])
def test_synchronized_batch_normalization_is_that_of_the_whole_batch(shape, pair):
    torch.manual_seed(1)
    inputs, shares = torch.randn(shape) * 3 + 1, [2, shape[0] - 2]
    parts = pair.run(work.in_group, work.norm_gradients, inputs, shares)

    torch.manual_seed(0)
    layer = (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(shape[1])
    nn.init.uniform_(layer.weight)
    whole = inputs.clone().requires_grad_()
    outputs = layer(whole)
    (outputs.sin() * torch.arange(shape[1]).view(1, -1, *[1] * (len(shape) - 2))).sum().backward()
    close = {"rtol": 1e-5, "atol": 1e-5}
    torch.testing.assert_close(torch.cat([part["outputs"] for part in parts]), outputs.detach(), **close)
    torch.testing.assert_close(torch.cat([part["inputs.grad"] for part in parts]), whole.grad, **close)
    torch.testing.assert_close(sum(part["weight.grad"] for part in parts), layer.weight.grad, **close)
    for part in parts:
        torch.testing.assert_close(part["mean"], layer.running_mean, **close)
        torch.testing.assert_close(part["variance"], layer.running_var, **close)


@pytest.mark.parametrize("name", GROUPED)
def test_the_whole_model_is_gathered_in_the_first_process(name, pair):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4)))
    found = pair.run(work.in_group, work.whole_weights, name)[0]
    assert found.keys() == model.state_dict().keys()
    assert all(torch.equal(found[key], value) for key, value in model.state_dict().items())


def test_a_run_folder_of_before_the_group_existed_is_read(tmp_path, alone):
    from helpers import unchecked

    from dl_runner.config.stored import load_config, load_run, to_yaml

    shutil.copytree(alone, tmp_path / "old")
    plain = load_config(tmp_path / "old" / "config.yaml")
    del plain["parallel"]
    (tmp_path / "old" / "config.yaml").write_text(to_yaml(plain))
    unchecked(tmp_path / "old")
    assert load_run(tmp_path / "old").parallel.name == "none"
