"""The files of a package that `dlrun new NAME` writes; NAME stands for its name."""

FILES = {
    "pyproject.toml": """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "NAME"
version = "0.1.0"
description = "Parts of my own for dl_runner"
requires-python = ">=3.11"
dependencies = ["dl_runner"]

[project.entry-points."dl_runner.plugins"]
NAME = "NAME"
""",
    "README.md": """# NAME

    pip install --editable .
    dlrun model=NAME data=NAME
    make test

`NAME/model.py` and `NAME/data.py` hold the parts, `NAME/conf` their keys and defaults. A new part is a function with
`@register`, imported by `NAME/__init__.py`, and a YAML of its name in the group's folder.
""",
    "Makefile": """.PHONY: test

test:
\tpython -m pytest -q tests
""",
    "NAME/__init__.py": """\"\"\"Parts of my own for dl_runner.\"\"\"

from NAME import data, model

__all__ = ["data", "model"]
""",
    "NAME/model.py": """\"\"\"A network with one hidden layer.\"\"\"

from torch import nn

from dl_runner import DataSpec, register
from dl_runner.layers.shapes import flat_size


@register("model")
def NAME(data: DataSpec, *, hidden: int = 32) -> nn.Module:
    \"\"\"One hidden layer with tanh.

    Args:
        hidden: units of the layer.
    \"\"\"
    size = flat_size(data, "NAME")
    return nn.Sequential(nn.Flatten(), nn.Linear(size, hidden), nn.Tanh(), nn.Linear(hidden, data.outputs))
""",
    "NAME/data.py": """\"\"\"Two half moons in the plane, which no straight line tells apart.\"\"\"

from pathlib import Path

import torch
from sklearn.datasets import make_moons

from dl_runner import DataSpec, register
from dl_runner.data.dataset import Data
from dl_runner.data.splits import TensorSplit
from dl_runner.spec import Classes, Vector


@register("data")
def NAME(root: Path, *, examples: int = 1000, noise: float = 0.2, seed: int = 0) -> Data:
    \"\"\"Points of two interleaving half moons.

    Args:
        examples: of the training split; the test split has a quarter as many.
        noise: standard deviation of what moves each point.
    \"\"\"

    def split(count: int, part: int) -> TensorSplit:
        points, labels = make_moons(count, noise=noise, random_state=(2 * seed + part) % 2**32)
        return TensorSplit(torch.tensor(points, dtype=torch.float32), torch.tensor(labels))

    spec = DataSpec(Vector(2), Classes(("upper", "lower")), task="classification")
    return Data(spec, train=split(examples, 0), test=split(examples // 4, 1))
""",
    "NAME/conf/model/NAME.yaml": """# One hidden layer with tanh.
name: NAME
hidden: 32 # units
""",
    "NAME/conf/data/NAME.yaml": """# Two half moons in the plane, which no straight line tells apart.
defaults: [_base, _self_]
name: NAME
examples: 1000 # of the training split
noise: 0.2 # standard deviation
batch_size: 32
""",
    "tests/test_NAME.py": """\"\"\"The parts train to what they are made for.\"\"\"

import dl_runner


def test_the_moons_are_told_apart(tmp_path):
    options = ["optimizer=adam", "optimizer.lr=0.03", "trainer.epochs=20", f"outputs={tmp_path}"]
    run = dl_runner.run("model=NAME", "data=NAME", "tracker.console=none", *options)
    assert run.results["test/accuracy"] > 0.9
""",
}
