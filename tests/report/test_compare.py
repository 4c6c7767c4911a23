"""`dlrun compare` as a user meets it: which runs, which columns, how they are folded, sorted and filtered."""

import csv
import io
import json
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_folders import make_run

from dl_runner.cli.app import run
from dl_runner.report.compare.rows import fold
from dl_runner.report.compare.runs import load_all
from dl_runner.report.compare.table import default_keys, least_wanted, metric
from dl_runner.tracking.run_folder import lock


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def sweep(tmp_path):
    """Two models at two rates with three seeds each; model.dropout is a key of one of them only."""
    for name, base in (("mlp", 0.8), ("softmax", 0.6)):
        model = {"name": name} | ({"hidden": [256], "dropout": 0.0} if name == "mlp" else {})
        for rate, gain in ((0.1, 0.0), (0.01, 0.1)):
            for seed in range(3):
                changes = {"model": model, "optimizer.lr": rate, "seed": seed}
                folder = tmp_path / "outputs" / "sweeps" / "s" / f"{name},{rate},{seed}"
                make_run(folder, changes, (0.5, base + gain + 0.01 * seed), test=base + gain)
    return tmp_path / "outputs"


def table(capsys, *options):
    """The rows of `dlrun compare OPTIONS --csv`, as dicts."""
    assert run(["compare", *options, "--csv"]) == 0
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def mistake(capsys, *options):
    """The one line about a mistake."""
    assert run(["compare", *options]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("dlrun: ") and err.count("\n") == 1
    return err


def test_seeds_are_folded_and_only_what_differs_is_shown(sweep, capsys):
    rows = table(capsys, str(sweep))
    assert [(row["model.name"], row["optimizer.lr"]) for row in rows] == [
        *(("mlp", "0.01"), ("mlp", "0.1"), ("softmax", "0.01"), ("softmax", "0.1"))
    ]
    assert not {"model.hidden", "model.dropout", "seed", "data.name"} & set(rows[0])
    first = rows[0]
    accuracies = [0.9, 0.91, 0.92]
    assert float(first["validation/accuracy"]) == pytest.approx(statistics.fmean(accuracies))
    assert float(first["validation/accuracy deviation"]) == pytest.approx(statistics.stdev(accuracies))
    assert (first["n"], first["status"], len(first["folders"].split(";"))) == ("3", "completed", 3)


def test_text_says_mean_deviation_and_number(sweep, capsys):
    assert run(["compare", str(sweep)]) == 0
    out = capsys.readouterr().out
    assert "0.910 ± 0.010 (3)" in out and "12 runs in outputs/sweeps/s: data digits, optimizer sgd" in out
    assert "12.5 s" in out and "1,234" in out and "\x1b" not in out
    assert run(["compare", str(sweep), "--markdown"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith("| run | model.name | optimizer.lr |")
    assert len(out.splitlines()) == 6 and len({line.count("|") for line in out.splitlines()}) == 1
    assert "12 runs" in err


def test_a_narrow_output_loses_columns_and_says_which(sweep, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["compare", str(sweep)]) == 0
    out = capsys.readouterr().out
    *lines, note = out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert "too narrow for: validation/loss" in note or "too narrow for: examples/s" in note
    assert "0.910 ± 0.010 (3)" in out


def test_without_folding_every_run_has_a_row(sweep, capsys):
    rows = table(capsys, str(sweep), "--no-fold")
    assert len(rows) == 12 and {row["seed"] for row in rows} == {"0", "1", "2"} and "n" not in rows[0]


def test_folds_are_folded_like_seeds(tmp_path, capsys):
    for part in range(5):
        make_run(
            tmp_path / "r" / str(part), {"data.folds": 5, "data.fold": part, "data.validation": None}, (0.1 * part,)
        )
    (row,) = table(capsys, "r")
    assert row["n"] == "5" and float(row["validation/accuracy"]) == pytest.approx(0.2)
    (row,) = table(capsys, "r", "--columns", "fold,folds,validation/accuracy")
    assert row["data.fold"] == "0–4" and row["data.folds"] == "5"


def test_real_folds_of_a_sweep(capsys):
    small = ["trainer.steps=2", "device=cpu", "device.threads=1", "tracker.tensorboard=false", "model=softmax"]
    assert run(["-m", "data.folds=2", "data.fold=0,1", *small]) == 0
    capsys.readouterr()
    (row,) = table(capsys, "outputs")
    assert row["n"] == "2" and 0 < float(row["validation/accuracy"]) < 1 and float(row["seconds"]) > 0


def test_a_run_made_twice_counts_once_and_the_reader_hears_of_it(tmp_path, capsys):
    make_run(tmp_path / "r" / "old", {}, (0.1,), start="2026-01-01T00:00:00+00:00")
    make_run(tmp_path / "r" / "new", {}, (0.3,), start="2026-01-02T00:00:00+00:00")
    make_run(tmp_path / "r" / "other", {"seed": 1}, (0.5,))
    assert run(["compare", "r", "--csv"]) == 0
    out, err = capsys.readouterr()
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["n"], float(row["validation/accuracy"])) == ("2", 0.4)
    assert "1 run left out: done again later" in err


def test_each_status_is_told_and_only_completed_runs_are_folded(tmp_path, capsys):
    for status in ("completed", "failed", "interrupted", "running"):
        for seed in range(2):
            traceback_text = "Traceback …\nZeroDivisionError: on purpose\n" if status == "failed" else None
            make_run(tmp_path / "r" / f"{status}{seed}", {"seed": seed}, status=status, traceback=traceback_text)
    with lock(tmp_path / "r" / "running1"):
        assert run(["compare", "r", "--csv"]) == 0
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    found = sorted((row["status"], row["n"]) for row in rows)
    assert found == [
        *(("completed", "2"), ("failed", "1"), ("failed", "1"), ("interrupted", "1"), ("interrupted", "1")),
        *(("killed", "1"), ("running", "1")),
    ]
    assert err.count("ZeroDivisionError: on purpose") == 2
    running = next(row for row in rows if row["status"] == "running")
    assert float(running["seconds"]) == 6  # until its last report
    assert float(running["validation/accuracy"]) == 0.7 and float(running["best/validation/accuracy"]) == 0.8


def test_lessons_count_by_their_arms_and_overlapping_folders_once(tmp_path, capsys):
    lesson = make_run(tmp_path / "outputs" / "lessons" / "xor" / "t", {"lesson": {"name": "xor"}})
    make_run(lesson / "arms" / "a", {"optimizer.lr": 0.5})
    make_run(lesson / "checkpoints" / "no_run_of_its_own")
    make_run(tmp_path / "outputs" / ".hidden")
    (row,) = table(capsys, "outputs", "outputs/lessons", "--columns", "lr")
    assert row["optimizer.lr"] == "0.5"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        *(("run.json", "{"), ("run.json", "[]"), ("run.json", '{"status": "completed", "metrics": {"a/b": "x"}}')),
        *(("run.json", None), ("config.yaml", None), ("config.yaml", "a: ["), ("config.yaml", "3")),
        *(("metrics.jsonl", "{]\n"), ("metrics.jsonl", '{"train/loss": 1}\n'), ("metrics.jsonl", "3\n")),
    ],
)
def test_a_damaged_folder_is_named_and_left_out(file, content, tmp_path, capsys):
    make_run(tmp_path / "r" / "good")
    bad = make_run(tmp_path / "r" / "bad", {"seed": 1})
    if content is None:
        (bad / file).unlink()
    else:
        (bad / file).write_text(content)
    assert run(["compare", "r", "--csv"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2 and "r/good" in out
    assert err.startswith("dlrun: warning: ") and "r/bad" in err and "left out" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        *(("model=mlp", 6), ("model!=mlp", 6), ("optimizer.lr=1e-2", 6), ("lr<0.05", 6), ("seed>=1", 8)),
        *(("model.hidden=[256]", 6), ("model.hidden=null", 6), ("data.fold=null", 12), ("status=completed", 12)),
    ],
)
def test_where_on_runs(condition, count, sweep, capsys):
    assert len(table(capsys, str(sweep), "--no-fold", "--where", condition)) == count


def test_where_on_results_looks_at_the_mean_and_never_at_lucky_seeds(sweep, capsys):
    rows = table(capsys, str(sweep), "--where", "validation/accuracy>0.905", "--where", "model=mlp")
    assert [(row["n"], row["folders"].count("mlp,0.01,")) for row in rows] == [("3", 3)]


@pytest.mark.parametrize(
    ("options", "first"),
    [
        *((["--sort", "test/accuracy"], "0.9"), (["--sort", "-test/accuracy"], "0.6")),
        *((["--sort", "test/accuracy", "--reverse"], "0.6"), (["--sort=-test/accuracy", "--reverse"], "0.9")),
        *((["--sort", "lr"], "0.01"), (["--sort", "model"], "mlp"), (["--sort", "-lr"], "0.1")),
    ],
)
def test_sort_puts_the_best_first(options, first, sweep, capsys):
    row = table(capsys, str(sweep), *options, "--columns", "model,lr,test/accuracy")[0]
    assert first in (row["model.name"], row["optimizer.lr"], f"{float(row['test/accuracy']):.3g}")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sort", "test/acuracy"], ["--sort test/acuracy", "did you mean test/accuracy?"]),
        (["--columns", "modle.name"], ["--columns modle.name", "did you mean model.name?"]),
        (["--columns", "best/validation/acuracy"], ["did you mean best/validation/accuracy?"]),
        (["--where", "optimiser.lr=1"], ["--where optimiser.lr", "did you mean optimizer.lr?"]),
        (["--where", "model"], ["--where model", "KEY=VALUE"]),
        (["--where", "lr<big"], ["lr<big", "number"]),
        (["--where", "seed=17"], ["seed=17", "none of the runs"]),
        (["--sort", "accuracy"], ["--sort accuracy", "which one?", "test/accuracy", "validation/accuracy"]),
        (["--sort", "zzz"], ["zzz", "no run here has it", "test/accuracy"]),
        (["--png", "nowhere/a.png"], ["nowhere/a.png", "cannot be written"]),
    ],
)
def test_a_mistake_is_one_clear_line(options, words, sweep, capsys):
    if "--png" in options:
        assert run(["compare", str(sweep), *options]) == 2
        err = capsys.readouterr().err.splitlines()[-1]
    else:
        err = mistake(capsys, str(sweep), *options)
    assert all(word in err for word in words)


def test_folders_without_runs_are_told(tmp_path, capsys):
    assert "nowhere: no such folder" in mistake(capsys, "nowhere")
    (tmp_path / "empty").mkdir()
    assert "empty: no run folder" in mistake(capsys, "empty")


def test_diff_shows_the_keys_that_differ(tmp_path, capsys):
    make_run(tmp_path / "a")
    make_run(tmp_path / "b", {"optimizer": {"name": "adam"}, "device.threads": 2})
    assert run(["compare", "--diff", "a", "b/config.yaml", "--csv"]) == 0
    lines = ["key,a,b/config.yaml", "device.threads,1,2", "optimizer.lr,0.1,—", "optimizer.name,sgd,adam"]
    assert capsys.readouterr().out.splitlines() == lines
    assert run(["compare", "--diff", "a", "a"]) == 0
    assert "the same" in capsys.readouterr().out
    assert "nowhere" in mistake(capsys, "--diff", "a", "nowhere")


def test_the_page_holds_table_and_picture(sweep, tmp_path, capsys):
    make_run(sweep / "odd", {"model": {"name": "<b>"}})
    assert run(["compare", str(sweep), "--html", "a.html"]) == 0
    page = (tmp_path / "a.html").read_text()
    assert "0.910 ± 0.010 (3)" in page and "data:image/png;base64," in page
    assert "&lt;b&gt;" in page and "<b>" not in page


@settings(max_examples=60, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e3))
def test_a_deviation_is_told_to_two_digits_and_the_mean_to_the_same_place(mean, deviation):
    shown, _, rest = metric("train/loss", mean, deviation, 3).partition(" ± ")
    spread, _, count = rest.partition(" ")
    assert count == "(3)"
    assert float(spread) == pytest.approx(deviation, rel=0.06)
    assert abs(float(shown) - mean) <= max(0.06 * deviation, 0.006 * abs(mean), 1e-12)


def test_json_of_a_record_with_nan_is_read(tmp_path, capsys):
    folder = make_run(tmp_path / "r" / "a", accuracies=(0.5,))
    record = json.loads((folder / "run.json").read_text())
    record["metrics"]["train/loss"] = "nan"
    (folder / "run.json").write_text(json.dumps(record))
    make_run(tmp_path / "r" / "b", {"optimizer.lr": 0.2})
    rows = table(capsys, "r", "--sort", "train/loss")
    assert [row["train/loss"] for row in rows] == ["0.25", "nan"]


def test_a_table_for_latex_has_no_character_that_means_something_there(tmp_path, capsys):
    for seed in range(2):
        make_run(
            tmp_path / "a_b" / str(seed), {"model.note": "50 % of A&B_c\\d~e^f{$#}", "seed": seed}, test=0.5 + seed
        )
    make_run(tmp_path / "c", {"model.note": "x"})
    assert run(["compare", str(tmp_path), "--latex", "--columns", "note,test/accuracy"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == r"\begin{tabular}{lr}" and lines[-1] == r"\end{tabular}"
    assert lines[2] == r"model note & test accuracy \\"
    special = r"50 \% of A\&B\_c\textbackslash{}d\textasciitilde{}e\textasciicircum{}f\{\$\#\}"
    (row,) = (line for line in lines if line.startswith(special))
    assert row.removeprefix(special) in (r" & 1.00 $\pm$ 0.71 (2) \\", r" & 1.0000 $\pm$ 0.7071 (2) \\")


def test_a_narrow_output_first_loses_what_is_the_same_in_all_rows(tmp_path):
    for name, momentum in (("sgd", 0.0), ("adam", 0.9)):
        make_run(tmp_path / name, {"optimizer.name": name, "optimizer.momentum": momentum})
    rows = fold(load_all([tmp_path])[0])[0]
    wanted = least_wanted(default_keys(rows), rows)
    assert wanted.index("test/accuracy") < wanted.index("optimizer.momentum") < wanted.index("run")


def computed(folder, code):
    """Three seeds, of which the last was computed with another number of threads and another torch."""
    for seed, threads, torch in ((0, 2, "2.15.0"), (1, 2, "2.15.0"), (2, 4, "2.14.1")):
        run_folder = make_run(folder / "outputs" / str(seed), {"seed": seed})
        record = json.loads((run_folder / "run.json").read_text())
        record |= {"threads": threads, "versions": {"torch": torch, "dl_runner": "0.2.0"}, "device": f"cuda:{seed}"}
        record |= {"plugins": {"mine": {"files": {"mine.py": code[seed]}, "version": None, "git": None}}}
        (run_folder / "run.json").write_text(json.dumps(record))
    return str(folder / "outputs")


def test_runs_that_were_computed_in_different_ways_are_told_in_one_line(tmp_path, capsys):
    folder = computed(tmp_path, "aaa")
    assert run(["compare", folder]) == 0
    (told,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert "not all computed in the same way: threads (2, 4), torch (2.14.1, 2.15.0); --no-fold" in told
    options = told.partition("; ")[2].removesuffix(" shows which").split()
    shown = table(capsys, folder, *options)
    assert {(row["threads"], row["torch"]) for row in shown} == {("2", "2.15.0"), ("4", "2.14.1")}
    (folded,) = table(capsys, folder, "--columns", "threads,dl_runner")
    assert folded["threads"] == "2, 4" and folded["dl_runner"] == "0.2.0"


def test_other_code_is_another_experiment(tmp_path, capsys):
    assert run(["compare", computed(tmp_path, "aab")]) == 0
    out = capsys.readouterr().out
    assert "2 runs" in out and "threads (2, 4), torch (2.14.1, 2.15.0), code (" in out


def test_nothing_is_said_of_runs_that_were_computed_alike(tmp_path, capsys):
    assert run(["compare", computed(tmp_path, "aaa"), "--where", "threads=2"]) == 0
    assert "computed" not in capsys.readouterr().out


def test_markdown_shows_names_as_they_are(tmp_path, capsys):
    make_run(tmp_path / "outputs" / "1", {"model.name": r"a|b *c* `d` $e$ [f](g) _h_ i_j \k"})
    make_run(tmp_path / "outputs" / "2")
    assert run(["compare", "outputs", "--markdown", "--columns", "model"]) == 0
    assert r"| a\|b \*c\* \`d\` \$e\$ [f\](g) \_h\_ i_j \\k |" in capsys.readouterr().out
