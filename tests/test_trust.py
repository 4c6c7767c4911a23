"""What a run folder asks for is imported only where the user has named it."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from helpers import QUIET, unchecked

from dl_runner import plugins, trust
from dl_runner.cli.app import run
from dl_runner.errors import UserError
from dl_runner.plugins import check_plugins, name_plugins
from dl_runner.runtime.modules import source_files

MODEL = """
from torch import nn
from dl_runner import DataSpec, register
import {helper}

@register("model")
def {name}(data: DataSpec, *, width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, data.outputs))
"""


@pytest.fixture(autouse=True)
def new_session(tmp_path, monkeypatch):
    """A working directory and a configuration folder of their own, and a process that nobody has named modules to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.setattr(plugins, "_named", set())


def stranger(module: str) -> Path:
    """A run folder from elsewhere, and beside it the module that its config asks for, which leaves a trace when run."""
    assert run(["debug=fast", *QUIET, "outputs=o"]) == 0
    (folder,) = Path("o/digits/lenet").iterdir()
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(config | {"plugins": [module]}))
    unchecked(folder)
    Path(f"{module.partition('.')[0]}.py").write_text("open('trace', 'w').close()\n")
    return folder


def test_a_strangers_run_runs_no_code(capsys):
    folder = stranger("evil")
    record = json.loads((folder / "run.json").read_text())
    picture = str(Path(__file__).parent / "none.png")
    for line in (["evaluate", str(folder)], ["predict", str(folder), picture], ["resume", str(folder)]):
        if line[0] == "resume":
            (folder / "run.json").write_text(json.dumps(record | {"status": "running"}))
        capsys.readouterr()
        assert run(line) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and "module evil" in told and "--plugins evil" in told
        assert not Path("trace").exists()
    assert run(["evaluate", str(folder), "--plugins", "evil"]) == 0 and Path("trace").exists()


def test_lessons_and_parts_of_packages_are_no_way_around(capsys):
    folder = stranger("evil.inner")
    Path("evil.py").unlink()
    Path("evil").mkdir()
    for name in ("__init__", "inner"):
        Path(f"evil/{name}.py").write_text("open('trace', 'w').close()\n")
    assert run(["evaluate", str(folder)]) == 2
    assert "--plugins evil.inner" in capsys.readouterr().err and not Path("trace").exists()
    shutil.rmtree("evil")
    assert run(["evaluate", str(folder), "--plugins", "evil.inner"]) == 2
    assert "no such module" in capsys.readouterr().err


def test_what_was_named_before_goes_on_working_until_it_changes(monkeypatch, capsys):
    Path("conf/model").mkdir(parents=True)
    Path("conf/model/mine.yaml").write_text("name: mine\nwidth: 4\n")
    Path("trusted_mine.py").write_text(MODEL.format(name="mine", helper="trusted_helper"))
    Path("trusted_helper.py").write_text("one = 1\n")

    assert run(["--config-dir", "conf", "plugins=[trusted_mine]", "model=mine", "debug=fast", *QUIET, "outputs=o"]) == 0
    (folder,) = Path("o/digits/mine").iterdir()
    monkeypatch.setattr(plugins, "_named", set())  # another session
    assert run(["evaluate", str(folder)]) == 0
    for name in ("trusted_helper.py", "trusted_mine.py"):
        before = Path(name).read_text()
        Path(name).write_text(before + "two = 2\n")
        capsys.readouterr()
        assert run(["evaluate", str(folder)]) == 2
        assert f"changed since you last named it ({name})" in capsys.readouterr().err
        Path(name).write_text(before)
    assert run(["evaluate", str(folder)]) == 0


def test_a_module_of_the_same_name_elsewhere_was_not_named(tmp_path, monkeypatch):
    Path("mine.py").write_text("one = 1\n")
    name_plugins(["mine"])
    monkeypatch.setattr(plugins, "_named", set())
    check_plugins(["mine"], Path("run"))
    (tmp_path / "elsewhere").mkdir()
    shutil.copy("mine.py", "elsewhere/mine.py")
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="never named"):
        check_plugins(["mine"], Path("run"))


def test_an_installed_plugin_was_named_by_its_installation(tmp_path, monkeypatch):
    info = tmp_path / "site" / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dl_runner.plugins]\nmine = mine_parts.models\n")
    with pytest.raises(UserError):
        check_plugins(["mine_parts.models"], Path("run"))
    monkeypatch.syspath_prepend(tmp_path / "site")
    check_plugins(["mine_parts.models"], Path("run"))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}', "nonsense\x00"])
def test_a_damaged_list_allows_nothing(content):
    Path("mine.py").write_text("one = 1\n")
    name_plugins(["mine"])
    (written,) = Path("configuration").rglob("plugins.json")
    written.write_text(content)
    assert not trust.known(source_files("mine"))
    trust.remember(source_files("mine"))
    assert trust.known(source_files("mine"))


def test_nothing_is_remembered_without_a_home(monkeypatch):
    Path("mine.py").write_text("one = 1\n")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    name_plugins(["mine"])
    check_plugins(["mine"], Path("run"))
    monkeypatch.setattr(plugins, "_named", set())
    with pytest.raises(UserError, match="--plugins mine"):
        check_plugins(["mine"], Path("run"))


def test_the_working_directory_replaces_no_package_that_is_missing(monkeypatch):
    """A file that came with a stranger's run must not stand in for an optional package."""
    Path("a_missing_package.py").write_text("open('trace', 'w').close()\n")
    monkeypatch.setattr("sys.path", [entry for entry in __import__("sys").path if entry not in ("", str(Path.cwd()))])
    plugins.load_plugins([])
    with pytest.raises(ModuleNotFoundError):
        __import__("a_missing_package")
    assert not Path("trace").exists()


def test_hydras_section_targets_and_interpolations_of_a_run_folder_do_nothing(monkeypatch, capsys):
    """Hydra would import what a callback or a search path names, and read this machine's environment."""
    folder = stranger("evil")
    monkeypatch.setenv("SECRET", "a secret")
    config = yaml.safe_load((folder / "config.yaml").read_text()) | {"plugins": []}
    hydra = {"callbacks": {"one": {"_target_": "evil.run"}}, "searchpath": ["pkg://evil"]}
    (folder / "config.yaml").write_text(yaml.safe_dump(config | {"hydra": hydra}))
    assert run(["evaluate", str(folder)]) == 0
    for section, change in {
        "model": {"_target_": "evil.run"},
        "optimizer": {"lr": "${oc.env:SECRET}"},
        "data": {"root": "${oc.decode:${oc.env:SECRET}}"},
    }.items():
        (folder / "config.yaml").write_text(yaml.safe_dump(config | {section: config[section] | change}))
        capsys.readouterr()
        run(["evaluate", str(folder)])
        assert "a secret" not in capsys.readouterr().err and not Path("trace").exists()
