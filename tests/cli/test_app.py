"""The command line as a user meets it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import EXACT, HANGS
from PIL import Image
from safetensors.torch import load_file

from dl_runner.cli.app import run
from dl_runner.runtime.interrupt import NOTICE
from dl_runner.tracking.metrics_file import read_metrics

WITH_EVENTS = [
    "trainer.steps=6",
    "trainer.evaluate_every=3 steps",
    "device=cpu",
    "device.threads=1",
    "device.precision=fp32",
]
SMALL = [*WITH_EVENTS, "tracker.tensorboard=false"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DLRUN_OUTPUT_DIR", raising=False)


def folders(pattern="outputs/*/*/*"):
    return sorted(Path.cwd().glob(pattern))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("model=resnt18", ["model=resnt18", "did you mean resnet18?"]),
        ("modle=lenet", ["modle=lenet", "did you mean model?"]),
        ("trainer.epoch=3", ["trainer.epoch=3", "no such key; it is trainer.epochs"]),
        ("trainer.epochs=abc", ["trainer.epochs=abc", "a number above 0"]),
        ("trainer.epochs=3 trainer.steps=4", ["trainer.epochs=3", "trainer.steps=4", "one length"]),
        ("trainer.evaluate_every=5", ["trainer.evaluate_every=5", "needs a unit", "'trainer.evaluate_every=5 epochs'"]),
        ("trainer.test=sometimes", ["trainer.test=sometimes", "best, last, every, never"]),
        ("optimizer.lr=-1", ["optimizer.lr=-1", "above 0"]),
        ("optimizer.momentum=1", ["optimizer.momentum=1", "optimizer=sgd has no momentum"]),
        ("optimizer=momentum optimizer.momentum=1", ["optimizer.momentum=1", "below 1"]),
        ("data.batch_size=0", ["data.batch_size=0", "at least 1"]),
        ("data.validation=1", ["data.validation=1", "below 1"]),
        ("data.folds=1", ["data.folds=1", "at least 2"]),
        ("data.fold=1", ["data.fold=1", "data.folds=5"]),
        ("data.folds=3", ["data.folds=3", "data.fold=0,1,2"]),
        ("data.folds=5 data.fold=5", ["data.fold=5", "data.folds=5", "0 to 4"]),
        (
            "data.folds=5 data.fold=0 data.validation=0.2",
            ["data.validation=0.2", "data.folds=5", "data.validation=null"],
        ),
        ("data.folds=500 data.fold=0", ["data.folds=500", "has only", "training examples", "at most"]),
        ("seed=-1", ["seed=-1", "at least 0"]),
        ("model.activation=rleu", ["model.activation=rleu", "did you mean relu?"]),
        ("+model.width=3", ["model.width=3", "model=lenet has no width"]),
        ("model=mlp model.hidden=3", ["model.hidden=3", "is a list", "[3]"]),
        ("model=softmax regularization.dropout=0.5", ["regularization.dropout=0.5", "softmax has no dropout"]),
        ("model=mlp model.dropout=[0.1,0.2]", ["model.dropout=[0.1, 0.2]", "1 hidden layers"]),
        ("loss=mse", ["loss=mse", "is for numbers", "targets are classes", "loss=auto"]),
        ("data=synthetic_regression model=softmax", ["model=softmax", "model=linear"]),
        ("data=synthetic_regression model=lenet", ["model=lenet", "needs images"]),
        ("data=synthetic_regression model=linear augment=flip", ["augment", "images", "holds none", "augment=none"]),
        ("data.image_size=8", ["12x12", "8x8", "data.image_size=12"]),
        ("data=image_folder", ["data.path", "needs a value"]),
        ("data=fashion_mnist data.root=nowhere data.download=false", ["train-images-idx3-ubyte", "nowhere"]),
        ("regularization=early_stopping data.validation=0", ["early_stopping=5", "data.validation"]),
        ("model=resnet18 data.limit=65", ["data.batch_size=64", "one example alone", "batch size"]),
        ("trainer.accumulate=65", ["trainer.accumulate=65", "data.batch_size=64"]),
        ("device=cuda:99", ["device"]),
        ("device.name=toaster", ["device.name=toaster", "cuda:N"]),
        ("device=cpu device.cuda_graphs=on", ["device.cuda_graphs=on", "not for cpu", "use off"]),
        ("device.cuda_graphs=on trainer.accumulate=2", ["device.cuda_graphs=on", "trainer.accumulate=1"]),
        ("plugins=[no_such_module]", ["no_such_module", "install it"]),
        ("experiment=notes/lent", ["did you mean notes/lenet?"]),
        ("foo", ["foo: no such command", "KEY=VALUE"]),
        ("evalute x", ["evalute: no such command", "did you mean evaluate?"]),
        ("optimizer.lr=0.1 foo", ["foo", "KEY=VALUE"]),
        ("list models --config-dir nowhere", ["nowhere", "no such folder"]),
        ("schedule=reduce_on_plateau data.validation=0", ["reduce_on_plateau", "data.validation"]),
        ("regularization.weight_decay=20", ["weight_decay=20", "optimizer.lr=0.1", "below 1"]),
        ("experiment=lessons/polynomial_fit lesson.few=0", ["lesson.few=0", "at least 1"]),
        ("optimizer=[1]", ["a run has one optimizer"]),
        ("--config-dir nowhere", ["nowhere", "no such folder"]),
        ("list --config-dir nowhere", ["nowhere", "no such folder"]),
        ("summary --config-dir nowhere", ["nowhere", "no such folder"]),
        ("--config-path nowhere", ["nowhere", "--config-dir"]),
        ("-m --config-dir nowhere seed=1,2", ["nowhere", "no such folder"]),
        ("hydra.searchpath=[nowhere]", ["nowhere", "no such folder"]),
        ("summary hydra.searchpath=[nowhere]", ["nowhere", "no such folder"]),
        ("hydra.run.dir=X", ["hydra.run.dir=X", "outputs=X"]),
        ("-m hydra.sweep.dir=X seed=1,2", ["hydra.sweep.dir=X", "outputs=X"]),
        ("summary hydra.run.dir=X", ["hydra.run.dir=X", "outputs=X"]),
        ("-m hydra/launcher=locl seed=1,2", ["hydra/launcher=locl", "did you mean local?"]),
        ("plugins=[./good]", ["plugins=./good", "plugins=[good]"]),
        ("plugins=[good.py]", ["plugins=good.py", "plugins=[good]"]),
        ("device.name=${nope}", ["device.name: ${nope} refers to a key that does not exist"]),
        ("summary device.name=${nope}", ["device.name: ${nope} refers to a key that does not exist"]),
        ("seed=${oc.env:NO_SUCH_VARIABLE}", ["seed", "NO_SUCH_VARIABLE is not set"]),
        ("optimizer.lr='0.02'", ["optimizer.lr='0.02'", "without quotes", "optimizer.lr=0.02"]),
        ("~trainer.clip_norm", ["~trainer.clip_norm", "trainer.clip_norm=null"]),
        ("model=mlp,lenet", ["model=mlp,lenet", "add -m"]),
        ("optimizer.lr=0.1,0.2", ["optimizer.lr=0.1,0.2", "add -m", "dlrun -m optimizer.lr=0.1,0.2"]),
        ("optimizer.lr=ü", ["optimizer.lr=ü", "expected a number"]),
        ("--epochs=5", ["--epochs=5", "KEY=VALUE, without dashes"]),
        ("model=mlp --cfg", ["--cfg", "dlrun model=mlp --cfg job"]),
        ("summary --picture", ["summary", "--picture", "expected one argument"]),
        ("evaluate --split", ["evaluate", "--split", "expected one argument"]),
        ("evaluate", ["evaluate", "required: RUN"]),
        ("resume x --devices y", ["resume", "--devices", "invalid int value: 'y'"]),
        ("predict", ["predict", "required: RUN"]),
        ("compare --sort", ["compare", "--sort", "expected"]),
        ("list x y", ["list", "y"]),
        ("evaluate nowhere", ["nowhere", "no run folder"]),
        ("list modls", ["list modls", "did you mean model?"]),
    ],
)
def test_a_mistake_is_one_clear_line(line, words, capsys):
    assert run(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("dlrun: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err
    assert not folders()


@pytest.mark.parametrize("line", [[""], ["model=mlp", ""], ["-m", ""], ["summary", ""], ["list", ""], ["evaluate", ""]])
def test_an_empty_argument_is_one_line(line, capsys):
    assert run(line) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("dlrun: ") and err.count("\n") == 1


def test_ones_own_folder_comes_first_for_every_verb(capsys):
    Path("conf/optimizer").mkdir(parents=True)
    Path("conf/optimizer/sgd.yaml").write_text("# My own.\nname: sgd\nlr: 0.0777\n")
    for line in (["--config-dir", "conf"], ["hydra.searchpath=[conf]"]):
        assert run([*line, "--cfg", "job", "--package", "optimizer"]) == 0
        assert "lr: 0.0777" in capsys.readouterr().out
    assert run(["list", "optimizers", "--config-dir", "conf"]) == 0
    listed = [text.split(None, 1) for text in capsys.readouterr().out.splitlines()]
    assert [text for name, *text in listed if name == "sgd"] == [["My own.  (conf)"]]
    line = ["--config-dir", "conf", "schedule=cosine", "trainer.epochs=2"]
    assert run(["summary", *line]) == 0
    assert "0.0777" in capsys.readouterr().out
    assert run([*line, *SMALL, "trainer.epochs=null"]) == 0
    assert run(["-m", *line, *SMALL, "trainer.epochs=null", "seed=1,2"]) == 0
    records = [path.parent / "config.yaml" for path in Path("outputs").rglob("run.json")]
    assert len(records) == 3 and all("lr: 0.0777" in path.read_text() for path in records)


def test_a_run_leaves_a_complete_folder(capsys):
    assert run(WITH_EVENTS) == 0
    (folder,) = folders()
    assert folder.parent == Path.cwd() / "outputs" / "digits" / "lenet"
    names = sorted(path.name for path in folder.iterdir())
    (events,) = [name for name in names if "tfevents" in name]
    assert names == sorted([events, "checkpoints", "config.yaml", "log.txt", "metrics.jsonl", "run.json"])
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == [
        *("best.safetensors", "last.pt", "last.safetensors")
    ]
    record = json.loads((folder / "run.json").read_text())
    assert (record["status"], record["step"], record["traceback"]) == ("completed", 6, None)
    assert set(record["metrics"]) >= {"train/loss", "validation/accuracy", "test/loss", "test/accuracy"}
    assert record["parameters"] == 61706
    out = capsys.readouterr().out
    for word in ("digits", "lenet, 61,706 parameters", "sgd, lr 0.1", "cpu", "fp32", str(folder.name), "completed"):
        assert word in out
    assert "\x1b" not in out


def test_verbs_work_on_a_run(capsys):
    run(SMALL)
    (folder,) = folders()
    capsys.readouterr()
    assert run(["evaluate", str(folder)]) == 0
    out = capsys.readouterr().out
    record = json.loads((folder / "run.json").read_text())
    assert f"{record['metrics']['test/accuracy']:.4f}" in out
    assert run(["evaluate", str(folder), "--split", "validation", "--weights", "last"]) == 0
    assert f"{read_metrics(folder / 'metrics.jsonl')[-2]['validation/accuracy']:.4f}" in capsys.readouterr().out

    Image.new("RGB", (50, 40), "white").save("mine.png")
    assert run(["predict", str(folder), "mine.png"]) == 0
    out = capsys.readouterr().out
    assert "mine.png" in out
    assert out.count("%") == 3
    Path("broken.png").write_text("no picture")
    assert run(["predict", str(folder), "broken.png"]) == 2
    assert "broken.png" in capsys.readouterr().err

    assert run(["resume", str(folder)]) == 0
    assert "already completed" in capsys.readouterr().out
    assert run(["summary", "model=softmax"]) == 0
    assert "7,850" in capsys.readouterr().out


def test_a_sweep_makes_a_folder_per_job_and_goes_on_after_a_failure(capsys):
    line = ["-m", "model=mlp,softmax", "regularization.dropout=0.3", "sweep.check=false", *SMALL]
    assert run(line) == 1  # softmax has no dropout
    err = capsys.readouterr().err
    assert "1 of 2 jobs failed" in err
    assert "softmax has no dropout" in err
    assert run(["-m", "model=mlp,softmax", "optimizer.lr=0.1,0.05", *SMALL]) == 0
    done = [
        json.loads((f / "run.json").read_text()) for f in folders("outputs/sweeps/*/*") if (f / "run.json").exists()
    ]
    assert len(done) == 5
    assert all(record["status"] == "completed" for record in done)


def test_a_broken_model_fails_the_run_with_its_traceback(tmp_path, capsys, monkeypatch):
    Path("broken_model.py").write_text(
        "from torch import nn\nfrom dl_runner import register\n\n"
        "class Broken(nn.Linear):\n"
        "    def forward(self, x):\n        raise ZeroDivisionError('on purpose')\n\n"
        "@register('model')\ndef broken_model(data):\n    return Broken(1, 1)\n"
    )
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "broken_model.yaml").write_text("name: broken_model\n")
    assert run(["--config-dir", "conf", "plugins=[broken_model]", "model=broken_model", *SMALL]) == 1
    (folder,) = folders()
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "failed"
    assert "on purpose" in record["traceback"]
    assert "on purpose" in (folder / "log.txt").read_text()
    assert "on purpose" in capsys.readouterr().err


def start(*line):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "dl_runner", *line]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for_rows(count, process):
    """Until metrics.jsonl of the one run has so many rows; returns the run folder."""
    while process.poll() is None:
        for path in Path.cwd().glob("outputs/*/*/*/metrics.jsonl"):
            if len(path.read_text().splitlines()) >= count:
                return path.parent
        time.sleep(0.02)
    raise AssertionError(process.stdout.read())


LONG = ["trainer.epochs=6", "trainer.log_every=2 steps", "model.dropout=0.2", *EXACT]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    from helpers import run as run_here

    return run_here(tmp_path_factory.mktemp("whole"), *LONG).record.folder


def assert_same_outcome(folder, uninterrupted):
    from helpers import rows

    for name in ("last", "best"):
        ours, theirs = (load_file(path / "checkpoints" / f"{name}.safetensors") for path in (folder, uninterrupted))
        assert all(value.equal(theirs[key]) for key, value in ours.items())
    assert rows(folder) == rows(uninterrupted)
    assert json.loads((folder / "run.json").read_text())["status"] == "completed"
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1


@pytest.mark.parametrize(
    ("first", "code", "status"),
    [
        (signal.SIGINT, 130, "interrupted"),
        pytest.param(signal.SIGTERM, 143, "interrupted", marks=pytest.mark.thorough),
        pytest.param(signal.SIGKILL, -9, "running", marks=pytest.mark.thorough),
    ],
)
def test_any_stop_resumes_to_the_same_weights(first, code, status, uninterrupted, capsys):
    process = start(*LONG)
    folder = wait_for_rows(25, process)
    assert run(["resume", str(folder)]) == 2  # it is still running
    assert "another process" in capsys.readouterr().err
    process.send_signal(first)
    output = process.communicate(timeout=HANGS)[0]
    assert process.returncode == code, output
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == status
    if status == "interrupted":
        assert f"dlrun resume {folder.relative_to(Path.cwd())}" in output
        assert "Traceback" not in output
    assert run(["resume", str(folder)]) == 0
    assert_same_outcome(folder, uninterrupted)
    assert len(json.loads((folder / "run.json").read_text())["resumed"]) == 1


def use_model(name, forward):
    """A linear model of one's own that does something before each pass; returns the overrides that choose it."""
    Path(f"{name}.py").write_text(
        "import math, time\nfrom pathlib import Path\n"
        "import torch\nfrom torch import nn\nfrom dl_runner import register\n\n"
        "class Own(nn.Sequential):\n"
        "    steps = 0\n\n"
        "    def forward(self, x):\n"
        "        self.steps += self.training and torch.is_grad_enabled()\n"
        f"        {forward}\n"
        "        return super().forward(x)\n\n"
        f"@register('model')\ndef {name}(data):\n"
        "    return Own(nn.Flatten(), nn.Linear(math.prod(data.input_shape), data.outputs))\n"
    )
    Path("conf/model").mkdir(parents=True)
    Path(f"conf/model/{name}.yaml").write_text(f"name: {name}\n")
    return ["--config-dir", "conf", f"plugins=[{name}]", f"model={name}", "init=default"]


def test_a_second_interrupt_stops_at_once():
    # Its third step never ends: the first Ctrl-C waits for it, the second does not.
    line = use_model("endless", "time.sleep(600 if self.steps > 2 else 0)")
    line += ["device=cpu", "device.threads=1", "trainer.steps=500", "trainer.log_every=1 steps", "trainer.test=never"]
    process = start(*line)
    wait_for_rows(2, process)
    process.send_signal(signal.SIGINT)
    while NOTICE not in process.stdout.readline():  # two that come at once are one
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=HANGS)[0]
    assert process.returncode == 130, output
    assert "stopped at once" in output
    (folder,) = folders()
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"


def test_a_stop_during_the_final_test_ends_a_sweep_and_resumes():
    line = use_model("dawdler", "time.sleep(1 if Path('slow').exists() and not self.training else 0)")
    line += ["trainer.steps=2", "tracker.tensorboard=false", "device=cpu", "device.threads=1"]
    Path("slow").touch()
    process = start("-m", *line, "optimizer.lr=0.01,0.02", "data.image_size=96")  # so large that the test has batches
    logs = []
    while not (logs and "best weights" in logs[0].read_text()):
        assert process.poll() is None
        time.sleep(0.005)
        logs = list(Path.cwd().glob("outputs/sweeps/*/*/log.txt"))
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=HANGS)[0]
    assert process.returncode == 130, output
    (folder,) = [path.parent for path in Path.cwd().glob("outputs/sweeps/*/*/run.json")]
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "interrupted" and "test/accuracy" not in record["metrics"]
    Path("slow").unlink()
    assert run(["resume", str(folder)]) == 0
    assert "test/accuracy" in json.loads((folder / "run.json").read_text())["metrics"]


def test_a_reader_that_goes_away_does_not_stop_a_run():
    process = start(*SMALL)
    process.stdout.close()
    process.wait(timeout=HANGS)
    (folder,) = folders()
    assert json.loads((folder / "run.json").read_text())["status"] == "completed"


def test_a_run_does_not_go_on_with_other_data(capsys):
    def write(names):
        for name in names:
            for label in ("cat", "dog"):
                Path("photos", label).mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (20, 20), (len(name) * 20 % 255, 40, 90)).save(Path("photos", label, name))

    write([f"{number}.png" for number in range(30)])
    assert run(["data=image_folder", "data.path=photos", "data.image_size=12", "data.batch_size=8", *SMALL]) == 0
    (folder,) = folders()
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "status": "interrupted", "checksums": None}))
    write(["one_more.png"])
    capsys.readouterr()
    assert run(["resume", str(folder)]) == 2
    assert "the data have changed since the run began" in capsys.readouterr().err


def test_tensorboards_own_options_are_passed_on(monkeypatch):
    from dl_runner.cli import tensorboard

    calls = []
    monkeypatch.setattr(tensorboard.os, "execv", lambda path, command: calls.append(command))
    Path("outputs").mkdir()
    run(["tensorboard", "--port", "6007"])
    Path("elsewhere").mkdir()
    run(["tensorboard", "elsewhere", "--port", "6007"])
    assert [call[3:] for call in calls] == [
        ["--logdir", "outputs", "--port", "6007"],
        ["--logdir", "elsewhere", "--port", "6007"],
    ]
