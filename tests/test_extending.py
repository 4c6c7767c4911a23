"""docs/extending.md: the files that it shows are run as they stand there, none of the package's edited."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from documents import shown_files, write_files
from safetensors.torch import load_file

from dl_runner.cli.app import run

QUIET = ("tracker.tensorboard=false", "device=cpu", "device.threads=1")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_files("extending.md", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    return tmp_path


def line(plugins: str, *overrides: str) -> list[str]:
    return ["--config-dir", "my_conf", f"plugins=[{plugins}]", *overrides, *QUIET]


def only(pattern: str) -> Path:
    (found,) = Path.cwd().glob(pattern)
    return found


def metrics(folder: Path) -> dict[str, float]:
    return json.loads((folder / "run.json").read_text())["metrics"]


def test_the_page_shows_a_model_a_data_set_a_task_and_a_metric():
    assert {"two_layers.py", "halves.py", "two_heads.py", "top3.py"} <= set(shown_files("extending.md"))


def test_a_model_and_a_data_set(folder, capsys):
    overrides = (
        "model=two_layers",
        "model.width=64",
        "data=halves",
        "data.examples=1000",
        "optimizer.lr=0.05",
        "trainer.epochs=10",
    )
    assert run(line("two_layers,halves", *overrides)) == 0
    done = only("outputs/halves/two_layers/*")
    assert metrics(done)["test/accuracy"] > 0.85
    assert run(["evaluate", str(done)]) == 0
    assert f"{metrics(done)['test/accuracy']:.4f}" in capsys.readouterr().out


def test_a_table_file_with_a_name_of_its_own_and_a_model_of_vectors(folder, capsys):
    rows = [f"h{number},{number % 9},{'ab'[number % 2]},{100 + 10 * (number % 9)}" for number in range(60)]
    Path("houses.csv").write_text("\n".join(["id,rooms,kind,price", *rows]))
    task = ("task=regression", "task.standardize=true", "trainer.epochs=40", "data.batch_size=16")
    assert run(line("two_layers", "model=two_layers", "data=my_houses", *task)) == 0
    done = only("outputs/my_houses/two_layers/*")
    assert metrics(done)["test/rmse"] < 10
    assert run(["predict", str(done), "houses.csv", "--out", "answers.csv"]) == 0
    assert Path("answers.csv").read_text().startswith("id,price\nh0,")


def test_a_model_that_is_fitted(folder, capsys):
    assert run(line("nearest_mean", "model=nearest_mean")) == 0
    done = only("outputs/digits/nearest_mean/*")
    found, record = metrics(done), json.loads((done / "run.json").read_text())
    assert found["test/accuracy"] > 0.85 and record["step"] == 0
    saved = load_file(done / "checkpoints" / "last.safetensors")
    assert saved["counts"].sum() == record["data_fingerprint"]["train"]["examples"]
    capsys.readouterr()
    assert run(["evaluate", str(done)]) == 0
    assert f"{found['test/accuracy']:.4f}" in capsys.readouterr().out
    assert run(line("nearest_mean", "model=nearest_mean", "data=iris")) == 0
    assert metrics(only("outputs/iris/nearest_mean/*"))["test/accuracy"] > 0.8


def test_a_metric(folder):
    assert run(line("top3", "task=top3", "model=softmax", "trainer.epochs=2")) == 0
    found = metrics(only("outputs/digits/softmax/*"))
    assert found["test/accuracy"] < found["test/top3"] <= 1
    info = json.loads((only("outputs/digits/softmax/*") / "run.json").read_text())["metric_info"]
    assert info["top3"] == {"better": "max", "format": "fraction"}


def test_an_augmentation(folder):
    assert run(line("changes", "augment=changes", "model=softmax", "trainer.epochs=1")) == 0


def test_a_metric_of_ones_own_chooses_the_weights(folder):
    chosen = ("metric=[confidence,f1]", "trainer.monitor=validation/confidence", "trainer.epochs=1")
    assert run(line("confidence", "model=softmax", *chosen)) == 0
    found = metrics(only("outputs/digits/softmax/*"))
    assert 0.1 < found["test/confidence"] < 1 and "test/f1" in found


def test_a_callback_of_ones_own_stops_the_run(folder):
    chosen = ("callback=[reached,progress_file]", "callback.reached.value=0.5", "trainer.epochs=50")
    assert run(line("reached", "model=softmax", *chosen)) == 0
    done = only("outputs/digits/softmax/*")
    progress = json.loads((done / "progress.json").read_text())
    assert progress["status"] == "completed" and 2 <= progress["epoch"] < 50
    found = [json.loads(row).get("validation/reached") for row in (done / "metrics.jsonl").read_text().splitlines()]
    assert [number for number in found if number is not None][-2:] == [1, 2]
    assert "stopped at step" in (done / "log.txt").read_text()


class TestTwoHeads:
    """A task with a batch of its own: named inputs, two targets, two counts, a metric that is no sum."""

    COMMON = ("data=signs", "model=two_heads", "optimizer.lr=0.5", "trainer.epochs=6")

    def test_trains_evaluates_and_predicts(self, folder, capsys):
        assert run(line("two_heads", *self.COMMON)) == 0
        done = only("outputs/signs/two_heads/*")
        found = metrics(done)
        assert found["test/accuracy"] > 0.8 and 0 < found["validation/median"] < 1
        capsys.readouterr()
        assert run(["evaluate", str(done)]) == 0
        told = dict(row.split() for row in capsys.readouterr().out.splitlines()[1:])
        assert told == {name: f"{found[name]:.4f}" for name in told} and "test/median" in told
        assert run(["predict", str(done), "1,2,-1,0,0,1,2", "0,-2,1,0,0,-1,-2", "--digits", "4"]) == 0
        rows = [row.split() for row in capsys.readouterr().out.splitlines() if "," in row]
        assert float(rows[0][1]) > 0.5 > float(rows[1][1]) and len(rows[0][1]) == 6

    @pytest.mark.thorough
    def test_in_parts_and_in_two_processes_the_same(self, folder):
        cuts = {"whole": (), "parts": ("trainer.accumulate=3",), "ddp": ("parallel=ddp", "parallel.devices=2")}
        found = {}
        for name, cut in cuts.items():
            command = line("two_heads", *self.COMMON, f"outputs={name}", "trainer.log_every=1 step", *cut)
            subprocess.run([sys.executable, "-m", "dl_runner", *command], check=True, capture_output=True)
            done = only(f"{name}/signs/two_heads/*")
            found[name] = load_file(done / "checkpoints" / "last.safetensors"), metrics(done)
        for name in ("parts", "ddp"):
            for key, value in found["whole"][0].items():
                assert value.allclose(found[name][0][key], rtol=1e-3, atol=1e-4), (name, key)
            for key in ("validation/median", "test/median", "validation/loss", "test/accuracy"):
                assert found[name][1][key] == pytest.approx(found["whole"][1][key], rel=1e-3), (name, key)

    def test_goes_on_exactly(self, folder):
        command = line("two_heads", *self.COMMON, "trainer.checkpoint_every=5 steps")
        assert run([*command, "outputs=through"]) == 0
        (folder / "stopping.py").write_text(STOPPING)
        (folder / "my_conf" / "optimizer").mkdir()
        (folder / "my_conf" / "optimizer" / "stopping.yaml").write_text("name: stopping\nlr: 0.5\n")
        stopped = line("two_heads,stopping", *self.COMMON, "outputs=stopped", "optimizer=stopping")
        assert run(stopped) == 128 + signal.SIGTERM
        done = only("stopped/signs/two_heads/*")
        assert run(["resume", str(done)]) == 0
        through = load_file(only("through/signs/two_heads/*") / "checkpoints" / "last.safetensors")
        resumed = load_file(done / "checkpoints" / "last.safetensors")
        assert all(value.equal(resumed[name]) for name, value in through.items())


STOPPING = """
import os
import signal

import torch

from dl_runner import register

made = 0


@register("optimizer")
def stopping(groups, *, lr: float = 0.5):
    '''SGD that asks for a stop at its thirteenth step.'''
    optimizer = torch.optim.SGD(groups, lr=lr)

    def count(*_):
        global made
        made += 1
        if made == 13:
            os.kill(os.getpid(), signal.SIGTERM)

    optimizer.register_step_post_hook(count)
    return optimizer
"""
