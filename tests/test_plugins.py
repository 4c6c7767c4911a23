"""A model or data set of one's own, from a folder outside the package, with no file of the package edited."""

import json
from pathlib import Path

import pytest

from dl_runner.cli.app import run

MODEL = """
from torch import nn
from dl_runner import DataSpec, register

@register("model")
def two_layers(data: DataSpec, *, width: int = 32) -> nn.Module:
    features = data.input_shape[0] * data.input_shape[1] * data.input_shape[2]
    return nn.Sequential(nn.Flatten(), nn.Linear(features, width), nn.ReLU(), nn.Linear(width, data.outputs))
"""
DATA = """
from pathlib import Path
import torch
from dl_runner import DataSpec, register
from dl_runner.data.dataset import Data
from dl_runner.data.splits import TensorSplit
from dl_runner.spec import Classes, Image

@register("data")
def halves(root: Path, *, examples: int = 200, seed: int = 0) -> Data:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 255, (examples, 1, 8, 8), generator=generator, dtype=torch.uint8)
    labels = (images[:, :, :4].float().mean((1, 2, 3)) > images[:, :, 4:].float().mean((1, 2, 3))).long()
    split = TensorSplit(images, labels)
    spec = DataSpec(Image(1, 8, 8, (0.5,), (0.25,)), Classes(("bottom", "top")), "classification")
    return Data(spec, split, None, split)
"""


@pytest.fixture
def extension(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my_parts.py").write_text(MODEL + DATA)
    for name, text in {"model/two_layers": "name: two_layers\nwidth: 32\n", "data/halves": "examples: 200\n"}.items():
        path = Path("my_conf", f"{name}.yaml")
        path.parent.mkdir(parents=True)
        path.write_text(f"defaults: [_base, _self_]\nname: halves\n{text}" if name.startswith("data") else text)
    return ["--config-dir", "my_conf", "plugins=[my_parts]"]


def test_own_model_and_data_train_evaluate_and_resume(extension, capsys):
    line = [*extension, "model=two_layers", "model.width=64", "data=halves", "data.batch_size=20", "optimizer.lr=0.05"]
    assert run([*line, "trainer.epochs=15", "device=cpu"]) == 0
    (folder,) = Path.cwd().glob("outputs/halves/two_layers/*")
    assert json.loads((folder / "run.json").read_text())["metrics"]["test/accuracy"] > 0.85
    capsys.readouterr()
    assert run(["evaluate", str(folder)]) == 0
    assert "test/accuracy" in capsys.readouterr().out


def test_own_choices_are_listed_checked_and_suggested(extension, capsys):
    assert run(["list", "models", "--config-dir", "my_conf"]) == 0
    assert "two_layers" in capsys.readouterr().out
    assert run([*extension, "model=two_layer"]) == 2
    assert "did you mean two_layers?" in capsys.readouterr().err
    assert run([*extension, "model=two_layers", "model.width=wide"]) == 2
    assert "model.width=wide: expected a whole number" in capsys.readouterr().err


def test_an_installed_plugin_needs_no_mention(extension, tmp_path, monkeypatch, capsys):
    info = tmp_path / "my_parts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-parts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dl_runner.plugins]\nmine = my_parts\n")
    monkeypatch.syspath_prepend(tmp_path)
    line = ["--config-dir", "my_conf", "model=two_layers", "debug=fast", "device=cpu"]
    assert run(line) == 0
    assert "two_layers" in capsys.readouterr().out
