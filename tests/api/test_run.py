"""`dl_runner.Run`: what the command line says of a run, as values."""

import numpy as np
import pytest
import torch
from helpers import QUIET

import dl_runner
from dl_runner.cli.app import run as command


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    return dl_runner.run("model=softmax", "trainer.steps=4", "data.limit=64", f"outputs={folder}", *QUIET)


def test_it_reads_what_the_folder_holds(run):
    assert run.status == "completed" and run.config["model"]["name"] == "softmax"
    assert run.record["command"][:2] == ["dlrun", "model=softmax"]
    assert run.metrics[-1]["step"] == 4 and run.results["test/loss"] == run.metrics[-1]["test/loss"]
    again = dl_runner.Run(str(run.folder))
    assert again.results == run.results and "completed, test/loss=" in repr(again)


def test_evaluate_gives_the_numbers_of_the_end_and_of_the_command_line(run, capsys):
    found = run.evaluate()
    assert found == {name: value for name, value in run.results.items() if name.startswith("test/")}
    assert command(["evaluate", str(run.folder), "--split", "validation"]) == 0
    assert f"{run.evaluate('validation')['validation/loss']:.4f}" in capsys.readouterr().out
    with pytest.raises(dl_runner.UserError, match=r"^split valid: no such split; did you mean validation\?"):
        run.evaluate("valid")


def test_the_model_is_the_trained_one_once_and_its_predictions_are_predicts(run):
    assert run.model is run.model and not run.model.training
    pictures = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    rows = run.predict(pictures, top=1)
    shares = probabilities(run, pictures)
    assert [row["1."] for row in rows] == [f"{int(one.argmax())} {float(one.max()):.1%}" for one in shares]
    assert rows == run.predict(torch.from_numpy(pictures)[:, None], top=1)


def probabilities(run, pictures):
    mean, std = (run.record["data"]["inputs"][name][0] for name in ("mean", "std"))
    with torch.no_grad():
        return run.model((torch.from_numpy(pictures)[:, None].float() / 255 - mean) / std).softmax(1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, 27, 28), np.uint8), "uint8 pictures of shape (n, 1, 28, 28), not uint8 of (2, 27, 28)"),
        (np.zeros((2, 28, 28), np.float32), "uint8 pictures of shape (n, 1, 28, 28), not float32 of (2, 28, 28)"),
        (np.zeros((0, 28, 28), np.uint8), "not uint8 of (0, 28, 28)"),
        ([], "predict: needs picture files"),
        ("nowhere.png", "nowhere.png"),
    ],
    ids=["size", "type", "none", "nothing", "file"],
)
def test_other_inputs_are_refused(run, given, message):
    with pytest.raises(dl_runner.UserError) as error:
        run.predict(given)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dl_runner.run("model=lent"), "did you mean lenet?"),
        (lambda: dl_runner.run("-m", "seed=1,2"), "'-m': is not KEY=VALUE"),
        (lambda: dl_runner.run(12), "12: is not KEY=VALUE"),
        (lambda: dl_runner.run("seed=1,2"), "-m"),
        (lambda: dl_runner.run("seed=1", config_dir="nowhere"), "nowhere"),
        (lambda: dl_runner.Run("nowhere"), "nowhere: no run folder"),
        (lambda: dl_runner.runs("nowhere"), "nowhere: no such folder"),
    ],
)
def test_mistakes_are_errors_of_one_line(tmp_path, monkeypatch, call, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(dl_runner.UserError) as error:
        call()
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not [*tmp_path.iterdir()]


def test_a_failed_run_is_an_exception_and_its_folder_tells_why(tmp_path):
    with pytest.raises(dl_runner.RunFailed, match="the loss is"):
        dl_runner.run("model=softmax", "optimizer.lr=1e39", "trainer.steps=9", f"outputs={tmp_path}", *QUIET)
    [row] = dl_runner.runs(tmp_path)
    assert row["status"] == "failed" and row["model.name"] == "softmax"
    assert dl_runner.Run(row["run"]).status == "failed"


def test_vectors_are_examples_too(tmp_path):
    data = ("data=synthetic_regression", "data.limit=64")
    run = dl_runner.run("model=linear", *data, "trainer.steps=2", f"outputs={tmp_path}", *QUIET)
    size = run.record["data"]["inputs"]["size"]
    rows = run.predict(np.concatenate([np.zeros((1, size)), np.eye(size)]))
    weight = next(run.model.parameters()).detach().flatten()
    steps = [row["prediction"] - rows[0]["prediction"] for row in rows[1:]]
    assert steps == pytest.approx(weight.tolist(), rel=1e-4, abs=1e-5)
