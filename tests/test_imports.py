"""Imports go one way, and nothing heavy is imported on the way to an answer that needs none of it."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest
from run_folders import make_run

PACKAGE = Path(__file__).parents[1] / "dl_runner"
# Each layer may import itself and the layers before it; models only what their line says.
LAYERS = [
    {"errors", "spec"},
    {"registry", "runtime"},
    {"trust"},
    {"plugins"},
    {"config"},
    {"layers", "parallel"},
    {"models", "data", "optim", "init", "regularize", "tracking"},
    {"datasets", "report"},
    {"tasks"},
    {"training"},
    {"callbacks"},
    {"build"},
    {"running", "lessons"},
    {"sweep"},
    {"launch"},
    {"cli"},
    {"api"},
    {"__main__", "__init__"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imported(path: Path) -> set[str]:
    """The rooms of ours that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("dl_runner.")}
    return found - {"__version__"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_below(path):
    for other in imported(path):
        assert RANK[other] <= RANK[room(path)], f"{room(path)} must not import {other}"
        same_layer = RANK[other] == RANK[room(path)] and other != room(path)
        peers = {("models", "data"), ("tracking", "models")}
        assert not same_layer or (room(path), other) not in peers


@pytest.mark.parametrize("path", sorted((PACKAGE / "models").glob("*.py")), ids=lambda path: path.stem)
def test_models_import_only_layers_and_what_lies_below(path):
    assert imported(path) <= {"layers", "registry", "spec", "config", "errors"}


def test_every_room_has_its_layer():
    assert {room(path) for path in FILES} == set(RANK)


def test_only_config_and_cli_know_omegaconf():
    knowing = {room(path) for path in FILES if "omegaconf" in path.read_text()}
    assert knowing <= {"config", "cli"}


def files_imported(path: Path) -> set[Path]:
    """The files of ours that a file imports, at its top, inside a function, or by `import_module` of a literal name;
    imports for type checkers alone are left out."""
    tree, names = ast.parse(path.read_text()), set()
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            names |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant)}
    places = [PACKAGE.parent / Path(*name.split(".")) for name in names if name.startswith("dl_runner.")]
    found = {place.with_suffix(".py") for place in places} | {place / "__init__.py" for place in places}
    return {file for file in found if file in FILES} - {path}


def test_no_file_imports_itself_by_way_of_others():
    graph = {path: files_imported(path) for path in FILES}
    try:
        list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        pytest.fail(" → ".join(str(path.relative_to(PACKAGE)) for path in error.args[1]))


def test_one_training_backward_in_the_package():
    calls = [
        (path, node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "backward"
    ]
    assert [path.relative_to(PACKAGE).as_posix() for path, _ in calls] == ["training/update.py"]


PROBE = """
import sys
from dl_runner.cli.app import run
heavy = {"torch", "numpy", "matplotlib", "tensorboard", "sklearn", "torchvision"}
for line in LINES:
    code = run(line.split())
    found = sorted(heavy & set(sys.modules))
    print(f"@ {line!r} {code} {found}", file=sys.stderr)
"""
QUICK = {
    "--help": 0,
    "--version": 0,
    "list": 0,
    "list models": 0,
    "list optimizers": 0,
    "list experiment": 0,
    "list nonsense": 2,
    "model=resnt18": 2,
    "list optimizer adam": 0,
    "list model resnet18": 0,
    "lr=0.1": 2,
    "model lenet --epochs 5": 2,
    "-m model=mlp,lenet model.pooling=max": 2,
    "trainer.epoch=3": 2,
    "trainer.epochs=abc": 2,
    "optimizer.lr=-1": 2,
    "data.batch_size=0": 2,
    "schedule=step schedule.factor=0": 2,
    "init=normal init.std=0": 2,
    "optimizer.lr=2 regularization.l2=0.5": 2,
    "regularization=label_smoothing loss=mse": 2,
    "schedule=formula schedule.expression=lr": 2,
    "check data=nonsense": 2,
    "resume nowhere": 2,
    "tensorboard nowhere": 2,
    "-m model=lenet trainer.epochs=abc,def": 2,
    "plugins=[./good]": 2,
    "plugins=[good.py]": 2,
    "evaluate stranger": 2,
    "predict stranger a.png": 2,
    "resume stranger": 2,
    "resume stranger --plugins other": 2,
    "--config-dir . evaluate stranger": 2,
    "evaluate stranger extra": 2,
    "seed=${hydra:nope}": 2,
    "-m seed=1,2 --cfg job": 2,
}


def test_compare_reads_runs_without_torch_and_draws_only_when_asked(tmp_path):
    make_run(tmp_path / "runs" / "a")
    make_run(tmp_path / "runs" / "b", {"optimizer.lr": 0.5})
    probe = PROBE.replace("LINES", repr(["compare runs", "compare runs --png picture.png"])).replace('"numpy", ', "")
    done = subprocess.run([sys.executable, "-c", probe], cwd=tmp_path, capture_output=True, text=True, check=True)
    answers = [line for line in done.stderr.splitlines() if line.startswith("@")]
    assert answers == ["@ 'compare runs' 0 []", "@ 'compare runs --png picture.png' 0 ['matplotlib']"]


def test_help_lists_and_plain_mistakes_are_answered_without_torch(tmp_path):
    make_run(tmp_path / "stranger", {"plugins": ["never_named"]})
    probe = PROBE.replace("LINES", repr(list(QUICK)))
    done = subprocess.run([sys.executable, "-c", probe], cwd=tmp_path, capture_output=True, text=True, check=True)
    answers = [line for line in done.stderr.splitlines() if line.startswith("@")]
    assert answers == [f"@ {line!r} {code} []" for line, code in QUICK.items()]
