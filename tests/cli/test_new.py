"""`dlrun new` writes a package that works, and what installed packages bring is found by itself."""

import importlib
import sys
from pathlib import Path

import pytest
from helpers import QUIET

import dl_runner
from dl_runner import registry
from dl_runner.cli.app import run
from dl_runner.cli.new_package import FILES
from dl_runner.config.search_path import choices, installed, owner_of

NAME = "moons_of_mine"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of `dlrun new`, as if it were installed."""
    monkeypatch.chdir(tmp_path)
    assert run(["new", NAME]) == 0
    information = tmp_path / NAME / f"{NAME}-0.1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 0.1.0\n")
    (information / "entry_points.txt").write_text(f"[{registry.ENTRY_POINTS}]\n{NAME} = {NAME}\n")
    monkeypatch.setattr("sys.path", [*sys.path, str(tmp_path / NAME)])
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    yield tmp_path / NAME
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]
    importlib.invalidate_caches()


def test_what_is_written_trains_and_passes_its_own_test(package, tmp_path):
    written = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    assert {path.replace("NAME", NAME) for path in FILES} <= written
    variables = {}
    exec((package / "tests" / f"test_{NAME}.py").read_text(), variables)
    variables["test_the_moons_are_told_apart"](tmp_path)


def test_its_choices_are_listed_with_their_owner(package, capsys):
    capsys.readouterr()
    assert installed() == {NAME: package / NAME / "conf"} and NAME not in sys.modules
    assert run(["list", "models"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(NAME)]
    assert len(lines) == 1 and lines[0].endswith(f"One hidden layer with tanh.  ({NAME})")
    assert run(["list", "model", NAME]) == 0 and "model.hidden=32" in capsys.readouterr().out
    assert run([f"model={NAME}s"]) == 2 and f"did you mean {NAME}?" in capsys.readouterr().err


def test_ours_come_before_those_of_packages_and_ones_own_before_both(package, tmp_path):
    own = tmp_path / "own"
    for folder in (package / NAME / "conf", own):
        (folder / "model").mkdir(parents=True, exist_ok=True)
        (folder / "model" / "softmax.yaml").write_text(f"name: {NAME}\nhidden: 3\n")
    options = ("data=digits", "model=softmax", "trainer.steps=1", f"outputs={tmp_path}", *QUIET)
    assert owner_of("model", "softmax") is None and "softmax" in choices("model")
    assert dl_runner.run(*options).config["model"] == {"name": "softmax"}
    assert owner_of("model", "softmax", [own]) == "own"
    assert dl_runner.run(*options, config_dir=own).config["model"] == {"name": NAME, "hidden": 3}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my-parts", "is no name of a package; small letters, digits and _"),
        ("Parts", "is no name of a package"),
        ("class", "is no name of a package"),
        ("../parts", "is no name of a package"),
        ("json", "there is a package of this name already"),
        ("torch", "there is a package of this name already"),
        ("lenet", "model=lenet is there already"),
        ("taken", "there is a file or folder of this name"),
    ],
)
def test_names_that_cannot_be(tmp_path, monkeypatch, capsys, name, message):
    monkeypatch.chdir(tmp_path)
    Path("taken").touch()
    assert run(["new", name]) == 2
    assert capsys.readouterr().err.startswith(f"dlrun: new {name}: {message}")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
