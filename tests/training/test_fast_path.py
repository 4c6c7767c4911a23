"""What makes a run fast leaves what it computes the same, within the digits of its precision."""

import functools
import json
from pathlib import Path

import pytest
import torch
from helpers import rows, run
from loaders import loader_of
from specs import labelled

from dl_runner.config.stored import CONFIG, load_config, load_run, to_yaml
from dl_runner.data.augment import horizontal_flip
from dl_runner.data.splits import TensorSplit
from dl_runner.running.inference import evaluate_run

FEW = ("data.limit=256", "trainer.steps=6", "trainer.log_every=2 steps", "data.batch_size=64", "optimizer.lr=0.003")
MODELS = (
    *("lenet", "bn_lenet", "lenet_parallel"),
    "resnet18 model.stem=small data.image_size=8 data.batch_size=8 trainer.evaluate_batches=1 trainer.test=never",
)


def losses(folder: Path) -> list[float]:
    return [row["train/loss"] for row in rows(folder) if "train/loss" in row]


@pytest.fixture(scope="module")
def plain_losses(tmp_path_factory):
    """The losses of a run that nothing makes fast; the same for all that ask with the same options."""

    @functools.cache
    def train(model, optimizer, dtype):
        folder = tmp_path_factory.mktemp("plain")
        return losses(run(folder, *FEW, *f"model={model}".split(), f"optimizer={optimizer}").record.folder)

    return lambda model, optimizer="sgd": train(model, optimizer, torch.get_default_dtype())


@pytest.mark.parametrize(
    ("model", "optimizer"),  # a fused step reads the strides of its tensors
    [*((model, "sgd") for model in MODELS), *((model, name) for model in MODELS[:3] for name in ("momentum", "adam"))],
)
def test_channels_last_trains_to_the_same_losses(model, optimizer, plain_losses, double, tmp_path):
    options = (*FEW, *f"model={model}".split(), f"optimizer={optimizer}")
    last = run(tmp_path, *options, "device.memory_format=channels_last")
    assert last.record["memory_format"] == "channels_last"
    assert losses(last.record.folder) == pytest.approx(plain_losses(model, optimizer), rel=1e-9)


@pytest.mark.parametrize("model", MODELS[:3])
def test_bf16_trains_nearly_the_same(model, plain_losses, tmp_path):
    fast = run(tmp_path, *FEW, *f"model={model}".split(), "device.precision=bf16")
    assert losses(fast.record.folder) == pytest.approx(plain_losses(model), rel=0.05)
    assert losses(fast.record.folder) != plain_losses(model)


@pytest.mark.parametrize("augmented", [False, True])
@pytest.mark.parametrize("size", [6, 12])
def test_three_channels_reach_the_model_channels_last(augmented, size):
    images = torch.randint(0, 256, (10, 3, 6, 6), dtype=torch.uint8)
    spec = labelled((3, size, size), 2, ("a", "b"), mean=(0.5,) * 3, std=(0.2,) * 3)
    options = {"batch_size": 4, "shuffle": True, "transform": horizontal_flip() if augmented else None}
    split = TensorSplit(images, torch.zeros(10, dtype=torch.int64))
    plain = loader_of(split, spec, **options)
    last = loader_of(split, spec, memory_format="channels_last", **options)
    for one, other in zip(plain.epoch(), last.epoch(), strict=True):
        assert one.inputs.is_contiguous()
        assert other.inputs.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(one.inputs, other.inputs)


def test_large_evaluation_batches_measure_the_same(tmp_path):
    whole = run(tmp_path / "whole", *FEW).record
    parts = run(tmp_path / "parts", *FEW, "trainer.evaluate_batches=1000").record  # keeps to data.batch_size
    for name in ("test/loss", "test/accuracy", "validation/accuracy"):
        assert whole["metrics"][name] == pytest.approx(parts["metrics"][name], rel=1e-5)


def test_a_run_is_evaluated_as_it_was_trained_whatever_this_machine_would_choose(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "dl_runner.build.model.resolve_precision", lambda asked, *place: "bf16" if asked == "auto" else asked
    )
    folder = run(tmp_path, *FEW, "model=lenet", "device.precision=auto").record.folder
    assert json.loads((folder / "run.json").read_text())["precision"] == "bf16"
    monkeypatch.setattr(
        "dl_runner.build.model.resolve_precision", lambda asked, *place: "fp32" if asked == "auto" else asked
    )
    assert load_run(folder).device.precision == "bf16"
    measured = evaluate_run(folder, "test", "best").metrics
    assert measured["test/loss"] == pytest.approx(
        json.loads((folder / "run.json").read_text())["metrics"]["test/loss"], rel=1e-6
    )


def test_a_folder_of_an_earlier_version_goes_on_as_it_ran(tmp_path):
    folder = run(tmp_path, *FEW).record.folder
    plain = load_config(folder / CONFIG)
    for key in ("memory_format", "compile"):
        del plain["device"][key]
    (folder / CONFIG).write_text(to_yaml(plain))
    record = json.loads((folder / "run.json").read_text())
    for key in ("memory_format", "compile", "threads"):
        del record[key]
    record["checksums"] = None
    (folder / "run.json").write_text(json.dumps(record))
    device = load_run(folder).device
    assert (device.memory_format, device.compile, device.threads) == ("contiguous", "off", 1)


@pytest.mark.parametrize("choice", ["on", "off"])
def test_a_model_is_compiled_for_training_only_and_only_if_asked(choice, tmp_path, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: compiled.append(type(module).__name__))
    folder = run(tmp_path, *FEW, f"device.compile={choice}").record.folder
    evaluate_run(folder, "test", "best")
    assert compiled == (["Sequential"] if choice == "on" else [])
    assert json.loads((folder / "run.json").read_text())["compile"] == choice
