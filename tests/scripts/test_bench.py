"""The benchmark's command line and tables: paired ratios, results that replace older ones, failures that are told."""

import importlib.util
import json

import pytest

import bench
from benchmark import rounds, tables
from benchmark.cases import CASES
from benchmark.environment import Environment
from benchmark.process import ArmFailed
from dl_runner.errors import UserError

PROSE = f"# Speed\n\nBefore.\n\n{tables.BEGIN}\nold\n{tables.END}\n\nAfter.\n"
SPEEDS = {"notes": [10.0, 20.0, 40.0], "bare": [100.0, 50.0, 200.0], "dlrun": [100.0, 100.0, 100.0]}


def figures(rate: float) -> dict:
    known = {"train/loss": 0.5, "train/accuracy": 0.8, "test/accuracy": rate / 1000, "precision": "fp32"}
    return {"examples_per_second": rate, "seconds": 30.0, "to_first_step": 2.5, "peak_mib": 1234.4, **known}


@pytest.fixture
def entry() -> dict:
    plain = {"precision": "fp32", "channels_last": False, "threads": 2, "data": "float", "optimizer": "default"}
    return {
        **{"case": "lenet", "hardware": "2 cores of X, torch 2", "cores": 2, "threads": None, "commit": None},
        **{"date": "2030-01-01T00:00+00:00", "versions": {"python": "3.12"}, "command": "python scripts/bench.py"},
        **{"image_size": 28, "batch_size": 256, "epochs": 3, "train": 6000, "test": 1000},
        **{"load_before": 0.1, "load_after": 2.0, "errors": {"lightning": "No | module (exit code 1)"}},
        "rounds": [{arm: figures(rate[number]) for arm, rate in SPEEDS.items()} for number in range(3)],
        "probe": [
            {"variant": plain, "examples_per_second": 90.0},
            {"variant": plain | {"precision": "bf16", "threads": 1}, "examples_per_second": 180.0},
            {"variant": plain | {"data": "uint8"}, "error": "stopped after 9 s"},
        ],
    }


def test_ratios_are_paired_by_round(entry):
    assert tables.ratios(entry, "notes") == [10, 5, 2.5]
    assert tables.ratios(entry, "bare") == [1, 2, 0.5]
    del entry["rounds"][1]["notes"]
    assert tables.ratios(entry, "notes") == [10, 2.5]
    assert tables.ratios(entry, "lightning") == []


def test_a_table_from_known_figures(entry):
    lines = tables.speed_table(entry).splitlines()
    assert "| notes | 3 | 20.0 [15.0, 30.0] | 5.00 | 0.0200 | 2.5 | 30.0 | 1,234 |" in lines
    assert "| bare | 3 | 100 [75.0, 150] | 1.00 | 0.1000 | 2.5 | 30.0 | 1,234 |" in lines
    assert "| dlrun | 3 | 100 [100, 100] |  | 0.1000 | 2.5 | 30.0 | 1,234 |" in lines
    assert "| lightning | 0 | failed: No \\| module (exit code 1) |  |  |  |  |  |" in lines
    assert "| fp32, contiguous, float data, default SGD, 2 threads | 90 | best in fp32 |" in lines
    assert "| bf16, contiguous, float data, default SGD, 1 thread | 180 | best |" in lines
    assert "| fp32, contiguous, uint8 data, default SGD, 2 threads | stopped after 9 s |  |" in lines
    told = tables.speed_table(entry)
    for fact in ("6,000 training", "1,000 test images", "load average 0.1", "python 3.12", "`python scripts/bench.py`"):
        assert fact in told


def test_accuracies_as_mean_deviation_and_difference(entry):
    row = tables.accuracy_table([entry]).splitlines()[4]
    assert row == ("| lenet | 3 | 3 | 10.00 ± 0.00 | 11.67 ± 7.64 | -1.67 | 2 cores of X, torch 2 | fp32 |")


@pytest.fixture
def machine(monkeypatch, bars_root):
    """The figures of a machine that needs no time, on which Lightning fails; calls holds the order of the arms."""
    calls = []

    def measure(arm, job, examples, timeout=None):
        calls.append((arm, job.experiment, job.seed))
        if arm == "lightning_memory":
            raise ArmFailed("ImportError: broken (exit code 1)")
        return figures(float(len(calls)))

    monkeypatch.setenv("DLRUN_DATA_DIR", str(bars_root))
    monkeypatch.setattr(rounds, "measure", measure)
    monkeypatch.setattr(Environment, "here", classmethod(lambda cls: cls("2 cores of X, torch 2", False, 2, 2, 0.5)))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    return calls


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "speed.md").write_text(PROSE)
    return folder


def test_arms_alternate_a_failure_is_told_and_the_rest_goes_on(machine, docs, capsys):
    arms = ["notes", "lightning_memory", "dlrun"]
    assert bench.main(["mlp", "--rounds", "3", "--arms", *arms, "--docs", str(docs)]) == 1
    assert [arm for arm, *_ in machine] == ["notes", "lightning_memory", "dlrun", "dlrun", "notes", "dlrun", "notes"]
    page = (docs / "speed.md").read_text()
    assert page.startswith("# Speed\n\nBefore.\n") and page.endswith("\n\nAfter.\n") and "old" not in page
    assert "| lightning_memory | 0 | failed: ImportError: broken (exit code 1) |" in page
    assert "| notes | 3 |" in page and "96 training and 40 test images" in page
    told = capsys.readouterr()
    assert "lightning_memory failed: ImportError: broken" in told.err
    assert "| notes | 3 |" in told.out


def test_later_results_replace_the_same_case_on_the_same_hardware(machine, docs, monkeypatch):
    line = ["--rounds", "1", "--arms", "bare", "dlrun", "--docs", str(docs)]
    for model in ("softmax", "mlp", "softmax"):
        assert bench.main([model, *line]) == 0
    assert [one["case"] for one in json.loads((docs / "speed.json").read_text())["speed"]] == ["mlp", "softmax"]
    monkeypatch.setattr(Environment, "here", classmethod(lambda cls: cls("a GPU, torch 2", True, 2, 2, 0.5)))
    bench.main(["softmax", *line])
    assert (docs / "speed.md").read_text().count("### softmax") == 2
    assert (docs / "speed.md").read_text().count("best in fp32") == 3


def test_a_stop_keeps_the_models_before(machine, docs, monkeypatch):
    plain = rounds.measure

    def stopping(arm, job, *rest):
        if job.experiment == "mlp":
            raise KeyboardInterrupt
        return plain(arm, job, *rest)

    monkeypatch.setattr(rounds, "measure", stopping)
    with pytest.raises(KeyboardInterrupt):
        bench.main(["softmax", "mlp", "--rounds", "1", "--arms", "dlrun", "--docs", str(docs)])
    page = (docs / "speed.md").read_text()
    assert "### softmax" in page and "### mlp" not in page
    (docs / "speed.md").write_text(page.replace("After.", "Later."))
    bench.main(["--table-only", "--docs", str(docs)])
    assert (docs / "speed.md").read_text() == page.replace("After.", "Later.")


def test_accuracy_takes_a_seed_each_round(machine, docs):
    assert bench.main(["lenet", "--accuracy", "--rounds", "3", "--docs", str(docs)]) == 0
    assert {seed for arm, _, seed in machine if arm == "dlrun"} == {0, 1, 2}
    assert len(machine) == 6
    assert "| lenet | 3 | 20 | " in (docs / "speed.md").read_text()


@pytest.mark.thorough
def test_a_real_run_from_end_to_end(bars_root, docs, monkeypatch):
    monkeypatch.setenv("DLRUN_DATA_DIR", str(bars_root))
    assert bench.main(["softmax", "--rounds", "1", "--epochs", "2", "--arms", "dlrun", "--docs", str(docs)]) == 0
    (entry,) = json.loads((docs / "speed.json").read_text())["speed"]
    (found,) = entry["rounds"]
    assert found["dlrun"]["to_first_step"] > 0 and found["dlrun"]["precision"] in ("fp32", "bf16")
    assert "| dlrun | 1 |" in (docs / "speed.md").read_text()


@pytest.mark.parametrize(
    ("line", "train", "test"),
    [
        ([], 1024, 256),
        (["--limit", "512"], 512, 256),
        (["--limit", "100"], 100, 100),
        (["--limit", "60000", "--test-limit", "10000"], 60_000, 10_000),
        (["--accuracy"], 60_000, 10_000),
    ],
)
def test_sizes(line, train, test):
    case = bench.sized(CASES["vgg"], bench.arguments(line))
    assert (case.train, case.test) == (train, test)


def test_mistakes_are_told_before_anything_runs(machine, docs, monkeypatch, capsys):
    for line in (["lenett"], ["lenet", "--epochs", "1"], ["--rounds", "0"], ["--arms", "bear"]):
        with pytest.raises(SystemExit) as stopped:
            bench.main([*line, "--docs", str(docs)])
        assert stopped.value.code == 2
    assert "lenett: no such model" in capsys.readouterr().err
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="lightning: is not installed"):
        bench.main(["lenet", "--docs", str(docs)])
    (docs / "speed.md").write_text("no marks")
    with pytest.raises(UserError, match="lacks the lines"):
        bench.main(["--table-only", "--docs", str(docs)])
    assert machine == []
