"""The table of results: filled by runs, kept over stops, honest about what has not been run."""

import importlib.util
import json
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "scripts" / "reproduce.py"


@pytest.fixture(scope="module")
def reproduce():
    spec = importlib.util.spec_from_file_location("reproduce", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells(folder, name):
    """The rows of an experiment in results.md, as lists of cells."""
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in (folder / "results.md").read_text().splitlines()
    ]
    start = next(index for index, line in enumerate(lines) if line and line[0] == name)
    end = next((at for at in range(start + 1, len(lines)) if not lines[at] or lines[at][0]), len(lines))
    return lines[start:end]


@pytest.mark.thorough
def test_runs_fill_the_table_once_and_the_rest_stays_empty(reproduce, tmp_path):
    line = ["linear_regression", "--seeds", "2", "--docs", str(tmp_path), "--outputs", str(tmp_path / "runs")]
    quiet = ["--set", "tracker.tensorboard=false", "--set", "tracker.console=none"]
    reproduce.main([*line, *quiet])
    notes, ours = cells(tmp_path, "linear_regression")
    assert notes[1:3] == ["notes", "4.9e-05"]
    assert ours[1] == "ours (2)"
    assert "±" in ours[2]
    assert float(ours[2].split("±")[0]) < 1e-4
    assert int(ours[6].replace(",", "")) > 0
    assert cells(tmp_path, "vgg")[1][1:] == ["ours", "", "", "", "", "", ""]
    results = json.loads((tmp_path / "results.json").read_text())
    assert [one["seed"] for one in results] == [0, 1]

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")}
    reproduce.main([*line, *quiet])
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")} == before
    assert json.loads((tmp_path / "results.json").read_text()) == results


def test_texts_have_a_table_of_their_own(reproduce, tmp_path):
    result = {"experiment": "char_gru_heldout", "smoke": None, "hardware": "one", "precision": "fp32", "overrides": []}
    measured = {"metrics": {"train/perplexity": 5.0, "validation/perplexity": 6.5}, "best_test_accuracy": None}
    (tmp_path / "results.md").write_text(
        reproduce.table([{**result, **measured, "examples_per_second": 10.0, "window": 32}])
    )
    notes, ours = cells(tmp_path, "char_gru_heldout")
    assert notes[1:] == ["notes", "5.3", "6.6", "", "", ""]
    assert ours[1:] == ["ours (1)", "5", "6.5", "", "320", "one, fp32"]
    assert cells(tmp_path, "char_rnn")[0][1:] == ["notes", "1.3", "", "", "404,414", ""]


def test_an_unknown_experiment_is_refused(reproduce, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        reproduce.main(["lenett", "--docs", str(tmp_path)])
    assert stopped.value.code == 2
    assert "lenett: no such experiment" in capsys.readouterr().err


def test_every_experiment_of_the_notes_is_in_one_section(reproduce):
    sections = {name: reproduce.section_of(name) for name in ("vgg", "house_prices", "ptb_lstm", "fra_eng_seq2seq")}
    assert list(sections.values()) == ["classes", "tables", "texts", "translations"]
