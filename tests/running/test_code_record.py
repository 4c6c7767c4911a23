"""A run's record holds the code of its plugins; who reads or goes on with the run hears where it has changed."""

import json
import shlex
import sys
import warnings
from pathlib import Path

import pytest
from helpers import QUIET

from dl_runner import plugins, registry
from dl_runner.api.run import Run
from dl_runner.cli.app import run

PARTS = """
from torch import nn
from dl_runner import register
from my_activation import activation

@register("model")
def mine(data, *, width: int = 8):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), activation(), nn.Linear(width, data.outputs))
"""
ACTIVATION = "from torch.nn import ReLU as activation\n"
OTHER = "from torch.nn import Sigmoid as activation\n"
LINE = ("--config-dir", "conf", "plugins=[my_parts]", "model=mine", "data.image_size=8", "data.limit=60", *QUIET)


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """A run of two steps of four, in a folder whose name a shell would take apart."""
    folder = tmp_path / "a [b] $c 'd' é"
    (folder / "conf" / "model").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    Path("my_parts.py").write_text(PARTS)
    Path("my_activation.py").write_text(ACTIVATION)
    Path("conf/model/mine.yaml").write_text("name: mine\nwidth: 8\n")
    forget(monkeypatch)
    return folder


def forget(monkeypatch):
    """As in a new process."""
    for name in ("my_parts", "my_activation"):
        sys.modules.pop(name, None)
    monkeypatch.delitem(registry._registered, ("model", "mine"), raising=False)
    monkeypatch.setattr(plugins, "_named", set())


def train(*more):
    assert run([*LINE, "trainer.steps=2", *more]) == 0
    return max(Path("outputs").rglob("run.json")).parent


def change(monkeypatch):
    Path("my_activation.py").write_text(OTHER)
    forget(monkeypatch)


def test_the_record_has_hashes_and_the_folder_a_copy(begun):
    folder = train()
    known = json.loads((folder / "run.json").read_text())["plugins"]["my_parts"]
    assert list(known["files"]) == ["my_parts.py", "my_activation.py"] and known["git"] is None
    assert (folder / "plugins" / "my_activation.py").read_text() == ACTIVATION


def test_an_evaluation_with_other_code_says_so_and_how_to_have_that_of_then(begun, monkeypatch, capsys):
    folder = train()
    assert run(["evaluate", str(folder)]) == 0
    fine = capsys.readouterr().out
    change(monkeypatch)
    assert run(["evaluate", str(folder), "--plugins", "my_parts"]) == 0
    out = capsys.readouterr().out
    assert "warning: the code of plugin my_parts has changed (my_activation.py) since the run began" in out
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Run(folder).evaluate()
    assert "my_activation.py" in str(caught[0].message)

    told = out[out.index("PYTHONPATH=") :].splitlines()[0]
    variable, program, *arguments = shlex.split(told)
    assert program == "dlrun"
    forget(monkeypatch)
    monkeypatch.syspath_prepend(variable.removeprefix("PYTHONPATH="))
    assert run(arguments) == 0
    assert capsys.readouterr().out == fine


def test_resuming_with_other_code_is_refused_unless_told(begun, monkeypatch, capsys):
    folder = train("trainer.steps=4", "trainer.checkpoint_every=1 steps")
    record = json.loads((folder / "run.json").read_text())
    record = {name: value for name, value in record.items() if name != "checksums"} | {"status": "interrupted"}
    (folder / "run.json").write_text(json.dumps(record))
    change(monkeypatch)
    assert run(["resume", str(folder), "--plugins", "my_parts"]) == 2
    told = capsys.readouterr().err
    assert "the code of plugin my_parts has changed (my_activation.py) since the run began, so it cannot go on" in told
    anyway = shlex.split(told.partition("as it is now: ")[2].partition("; with that of then")[0])
    assert run(anyway[1:]) == 0
    (entry,) = json.loads((folder / "run.json").read_text())["resumed"]
    assert entry["code"] == "the code of plugin my_parts has changed (my_activation.py)"


def test_a_sweep_with_other_code_is_another_sweep(begun, monkeypatch, capsys):
    line = ["-m", *LINE, "trainer.steps=1", "seed=choice(0)", "sweep.name=s"]
    assert run(line) == 0
    change(monkeypatch)
    capsys.readouterr()
    assert run(line) == 2
    told = capsys.readouterr().err
    assert "holds a different sweep: the code of plugin my_parts has changed (my_activation.py)" in told
    variable, program, *again = shlex.split(told.partition("go on with that one: ")[2].partition("; or begin")[0])
    forget(monkeypatch)
    monkeypatch.syspath_prepend(variable.removeprefix("PYTHONPATH="))
    assert program == "dlrun" and run(again) == 0
    assert capsys.readouterr().out.count("completed earlier") == 1


def test_code_that_changes_while_a_sweep_runs_ends_its_jobs(begun, monkeypatch, capsys):
    from dl_runner.sweep import job

    first = job._attempts

    def change_after_the_first(*given):
        done = first(*given)
        Path("my_activation.py").write_text(OTHER)
        return done

    monkeypatch.setattr(job, "_attempts", change_after_the_first)
    assert run(["-m", *LINE, "trainer.steps=1", "seed=0,1", "sweep.name=s"]) == 1
    assert "the code of plugin my_parts has changed (my_activation.py) since the sweep began" in capsys.readouterr().err
    assert len(list(Path("outputs").rglob("run.json"))) == 1


def test_a_process_that_holds_old_code_does_not_train(begun, capsys):
    train()
    Path("my_activation.py").write_text(OTHER)
    assert run([*LINE, "trainer.steps=1"]) == 2
    assert "plugins=my_parts: my_activation.py changed since this process imported it" in capsys.readouterr().err
