"""A language model in two processes, each of which carries the hidden state of its own rows."""

import json
from pathlib import Path

import pytest
import work
from safetensors.torch import load_file

# 5 rows: the processes have 3 and 2. The validation text is one row, so that one of them has none.
TEXT = (
    *("data=python_docs", "data.characters=2000", "data.steps=8", "data.batch_size=5", "data.sampling=sequential"),
    *("model=lstm", "model.hidden=8", "trainer.clip_norm=0.5", "trainer.steps=60", "trainer.log_every=5 steps"),
    *("optimizer.lr=0.5", "data.test=0.0", "model.layers=2", "model.embedding=8", "model.tied=true"),
)


def measured(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: row[key] for key in row if key.endswith(("/loss", "/perplexity", "_norm", "step"))} for row in rows]


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    work.train(folder, *TEXT)
    return folder / "run"


def same(folder: Path, other: Path) -> bool:
    rows, others = measured(folder), measured(other)
    return len(rows) == len(others) and all(
        row == pytest.approx(expected, rel=1e-9) for row, expected in zip(rows, others, strict=True)
    )


@pytest.mark.parametrize("name", ["ddp", "fsdp", "manual"])
def test_two_processes_train_as_one(name, pair, alone, tmp_path):
    pair.run(work.train, tmp_path, *TEXT, f"parallel={name}")
    assert same(tmp_path / "run", alone)


@pytest.mark.parametrize("first, then", [("ddp", "none"), ("none", "ddp")])
def test_stopped_in_one_number_of_processes_it_goes_on_in_another(first, then, pair, alone, tmp_path):
    stopped = (tmp_path, 9, *TEXT, f"parallel={first}")
    if first == "none":
        work.train_and_stop(*stopped)
        pair.run(work.go_on, tmp_path / "run", {"name": then})
    else:
        pair.run(work.train_and_stop, *stopped)
        work.go_on(tmp_path / "run", {"name": then})
    assert same(tmp_path / "run", alone)


def test_a_batch_of_fewer_windows_than_there_are_processes_is_refused(pair, tmp_path):
    options = [*TEXT, "data.sampling=random", "data.characters=500"]
    options += ["data.batch_size=6", "data.validation=0.0"]  # 61 windows: the last batch has 1
    with pytest.raises(RuntimeError, match=r"data\.batch_size=6: .* cannot share out"):
        pair.run(work.train, tmp_path, *options, "parallel=ddp")


def test_two_processes_count_each_n_gram_once(pair, tmp_path):
    counted = (*TEXT[:5], "data.test=0.1", "model=ngram")
    work.train(tmp_path / "one", *counted)
    pair.run(work.train, tmp_path / "two", *counted, "parallel=ddp")
    one, two = (tmp_path / name / "run" for name in ("one", "two"))
    assert same(two, one) and len(measured(one)) == 2
    weights = [load_file(folder / "checkpoints" / "last.safetensors") for folder in (one, two)]
    assert all(value.equal(weights[1][name]) for name, value in weights[0].items())
