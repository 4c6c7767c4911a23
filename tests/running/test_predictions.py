"""What a model says of the examples of a split: the right ones, and what the metrics are made of."""

import csv
from statistics import fmean

import pytest
from helpers import QUIET
from pictures import class_folders

import dl_runner
from dl_runner.cli.app import run as command

FEW = ("trainer.steps=3", *QUIET)
RUNS = {
    "classification": ("model=softmax", "data.limit=150", "data.batch_size=32"),
    "regression": ("model=linear", "data=synthetic_regression", "data.limit=64"),
    "labelling": ("model=gru", "data=brackets", "data.target=matched", "data.examples=60", "model.hidden=8"),
    "language_model": ("model=gru", "data=python_docs", "data.characters=3000", "data.steps=20", "model.hidden=8"),
    "segmentation": ("experiment=fcn_scattered_digits", "data.images=20", "data.test_images=6", "data.canvas=32"),
    "translation": ("model=seq2seq", "data=number_words", "data.pairs=60", "model.hidden=8", "model.embedding=8"),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Each of them, trained when it is first asked for."""
    found = {}

    def get(task):
        if task not in found:
            folder = tmp_path_factory.mktemp(task)
            found[task] = dl_runner.run(*RUNS[task], f"outputs={folder}", *FEW)
        return found[task]

    return get


def figures(task, rows):
    """Metrics as they follow from rows."""
    if task == "classification":
        return {"accuracy": fmean(row["truth"] == row["prediction"] for row in rows)}
    if task == "regression":
        return {"rmse": fmean((row["truth"] - row["prediction"]) ** 2 for row in rows) ** 0.5}
    if task == "labelling":
        pairs = [pair for row in rows for pair in zip(row["truth"].split(), row["prediction"].split(), strict=True)]
        return {"accuracy": fmean(truth == guess for truth, guess in pairs)}
    if task == "language_model":
        tokens = sum(row["tokens"] for row in rows)
        return {"loss": sum(row["loss"] * row["tokens"] for row in rows) / tokens}
    if task == "segmentation":
        right = sum(row["pixel accuracy"] * row["pixels"] for row in rows)
        return {"pixel_accuracy": right / sum(row["pixels"] for row in rows)}
    return {"exact": fmean(row["exact"] for row in rows)}


@pytest.mark.parametrize("task", RUNS)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_rows_make_the_metrics(runs, task, split):
    run = runs(task)
    rows, measured = run.predict(split=split), run.evaluate(split)
    places = [row["example"] for row in rows]
    assert places == sorted(set(places)) and places[0] == 0
    for name, value in figures(task, rows).items():
        assert value == pytest.approx(measured[f"{split}/{name}"], rel=1e-4)


@pytest.mark.parametrize("task", RUNS)
def test_they_are_a_file(runs, task, tmp_path, capsys):
    run, path = runs(task), tmp_path / "answers.csv"
    assert command(["predict", str(run.folder), "--split", "test", "--out", str(path)]) == 0
    rows = run.predict(split="test")
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [*found[0]] == [*rows[0]] and [row["example"] for row in found] == [str(row["example"]) for row in rows]
    assert f"{len(rows):,} rows" in capsys.readouterr().out


def test_a_terminal_shows_the_first_ones(runs, capsys):
    assert command(["predict", str(runs("classification").folder), "--split", "test", "--probabilities"]) == 0
    assert "the first 20 of 359; --out FILE.csv has all" in capsys.readouterr().out


def test_probabilities_of_all_classes_add_up_to_one(runs):
    for row in runs("classification").predict(split="validation", probabilities=True):
        shares = {name.removeprefix("class="): value for name, value in row.items() if name.startswith("class=")}
        assert sum(shares.values()) == pytest.approx(1, rel=1e-5)
        assert max(shares, key=shares.get) == row["prediction"] and shares[row["prediction"]] == row["probability"]


def test_examples_that_are_files_are_named(tmp_path):
    class_folders(tmp_path / "photos", 8)
    options = ("model=softmax", "data=image_folder", f"data.path={tmp_path / 'photos'}", "data.image_size=8")
    run = dl_runner.run(*options, "data.validation=0.3", f"outputs={tmp_path}", *FEW)
    rows = run.predict(split="validation")
    assert rows and all(row["truth"] in row["file"] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "test", "a.png"], "--split test: is about the run's own data; leave a.png out"),
        (["--split", "test", "--top", "3"], "--top: the task classification takes it only with neither --split nor"),
        (["a.png", "--probabilities"], "--probabilities: the task classification takes it only with --split or --out"),
        (["--split", "test", "--beam", "3"], "--beam: is no option of predictions by the task classification"),
    ],
)
def test_mistakes_are_one_line(runs, capsys, arguments, message):
    assert command(["predict", str(runs("classification").folder), *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"dlrun: {message}")
