"""Runs that become longer, that go on with changes, that are repeated, that have moved data, and that have tags."""

import json
import os
import shutil
import signal

import pytest
import torch
from helpers import QUIET, rows
from pictures import class_folders
from safetensors.torch import load_file

import dl_runner
from dl_runner.cli.app import run as command
from dl_runner.errors import Interrupted
from dl_runner.running.launch import resume

SMALL = ("data=digits", "data.limit=256", "model=mlp", "model.hidden=[8]", "optimizer=momentum", "trainer.test=last")


def train(folder, *overrides):
    return dl_runner.run(*SMALL, f"outputs={folder}", *QUIET, *overrides)


def weights(run, which="last"):
    return load_file(run.folder / "checkpoints" / f"{which}.safetensors")


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(one, second[name]) for name, one in first.items())


def test_a_longer_run_is_what_it_would_have_been(tmp_path):
    long, short = train(tmp_path, "trainer.epochs=4"), train(tmp_path, "trainer.epochs=2")
    short.resume("trainer.epochs=4")
    assert same(weights(short), weights(long)) and same(weights(short, "best"), weights(long, "best"))
    assert rows(short.folder) == rows(long.folder) and short.results["test/loss"] == long.results["test/loss"]
    assert short.config["trainer"]["epochs"] == 4 and short.status == "completed"
    told = short.record["resumed"][0]["told"]
    assert "it was to end at 8" in told[0] and "the test set was used at step 8 (test/" in told[1]


def test_a_longer_run_that_is_stopped_goes_on_exactly(tmp_path):
    long, short = train(tmp_path, "trainer.epochs=5"), train(tmp_path, "trainer.epochs=1")
    reports = 0

    def stop(model):
        nonlocal reports
        reports += 1
        if reports == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return {}

    with pytest.raises(Interrupted):
        resume(short.folder, watch=stop, length=["trainer.epochs=5"])
    assert short.status == "interrupted" and short.config["trainer"]["epochs"] == 5
    assert same(weights(short.resume()), weights(long))


def test_a_schedule_of_the_length_is_said_to_change(tmp_path):
    run = train(tmp_path, "trainer.epochs=1", "schedule=cosine").resume("trainer.steps=8")
    assert run.config["trainer"]["steps"] == 8 and run.config["trainer"]["epochs"] is None
    assert "the cosine schedule is now that of the whole length" in run.record["resumed"][0]["told"][-1]
    _, differences = run.repeat()
    assert any("safetensors" in line for line in differences)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trainer.epochs=1"], "trainer.epochs=1: {} has done 4 steps, 1 epochs; give a larger number"),
        (["optimizer.lr=1"], "optimizer.lr=1: what goes on in its folder can become longer"),
    ],
)
def test_what_cannot_be_made_longer(tmp_path, overrides, message):
    run = train(tmp_path, "trainer.epochs=1")
    before = (run.folder / "config.yaml").read_text(), run.record
    with pytest.raises(dl_runner.UserError) as error:
        run.resume(*overrides)
    assert str(error.value).startswith(message.format(run.folder))
    assert ((run.folder / "config.yaml").read_text(), run.record) == before


def test_a_continued_run_begins_with_the_weights_and_the_optimizers_state(tmp_path):
    parent = train(tmp_path, "trainer.epochs=2")
    still = parent.proceed("optimizer.lr=1e-30", "trainer.steps=1")
    assert same(weights(still), weights(parent))
    known = still.record["parent"]
    assert known == {"folder": str(parent.folder), "id": parent.record["id"], "step": 8, "optimizer": True}
    moved, fresh = parent.proceed("trainer.steps=1"), parent.proceed("optimizer=sgd", "trainer.steps=1")
    assert fresh.record["parent"]["optimizer"] is False and fresh.config["optimizer"]["name"] == "sgd"
    assert not same(weights(moved), weights(fresh))
    with pytest.raises(dl_runner.UserError, match="began with the weights of another run"):
        moved.repeat()


def test_the_configs_own_momentum_counts_and_not_the_parents(tmp_path):
    parent = train(tmp_path, "trainer.epochs=1", "regularization=weight_decay", "regularization.weight_decay=0.5")
    first, second = (parent.proceed("trainer.steps=1", f"regularization.weight_decay={decay}") for decay in (0.5, 0.0))
    assert not same(weights(first), weights(second))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.hidden=[9]"], "its weights do not fit model=mlp as it is now"),
        (
            ["optimizer.momentun=1"],
            "optimizer.momentun=1: the run's config has no key optimizer.momentun; did",
        ),
        (["optimizer.lr=1,2"], "optimizer.lr=1,2: one value of one key"),
        (["experiment=notes/mlp"], "experiment=notes/mlp: changes other sections than its own"),
        (["optimizer.lr=-1"], "optimizer.lr=-1"),
    ],
)
def test_changes_that_do_not_fit(tmp_path, overrides, message):
    run = train(tmp_path, "trainer.steps=1")
    with pytest.raises(dl_runner.UserError) as error:
        run.proceed(*overrides)
    assert message in str(error.value) and len(dl_runner.runs(tmp_path)) == 1


def test_a_repetition_is_identical_and_what_was_different_is_told(tmp_path, capsys):
    run = train(tmp_path, "trainer.epochs=2")
    again, differences = run.repeat()
    assert differences == [] and again.folder != run.folder
    record = json.loads((run.folder / "run.json").read_text())
    changed = {**record, "versions": {**record["versions"], "torch": "1.0"}, "checksums": None}
    (run.folder / "run.json").write_text(json.dumps(changed))
    assert command(["repeat", str(run.folder)]) == 0
    told = capsys.readouterr().out
    assert f"identical: weights and metrics are those of {run.folder}" in told and "torch 1.0 then" in told


def test_an_unfinished_run_is_not_repeated(tmp_path):
    run = train(tmp_path, "trainer.steps=1")
    record = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps({**record, "status": "failed", "checksums": None}))
    with pytest.raises(dl_runner.UserError, match="is failed, so there is nothing to compare with; finish it: dlrun"):
        run.repeat()


def test_data_that_have_moved_are_found_below_the_new_root(tmp_path, capsys):
    class_folders(tmp_path / "old" / "pets", 8)
    options = ("data=image_folder", "data.path=pets", f"data.root={tmp_path / 'old'}", "data.image_size=8")
    run = dl_runner.run(*options, "model=softmax", "trainer.steps=1", f"outputs={tmp_path}", *QUIET)
    shutil.move(tmp_path / "old", tmp_path / "new")
    folder = str(run.folder)
    assert command(["evaluate", folder, "--split", "validation"]) == 2
    assert command(["evaluate", folder, "--split", "validation", "--data-root", str(tmp_path / "new")]) == 0
    assert command(["resume", folder, "trainer.steps=2", "--data-root", str(tmp_path / "new")]) == 0
    assert command(["evaluate", folder, "--data-root", str(tmp_path / "nowhere")]) == 2
    assert "no such folder; name the one that holds the data sets" in capsys.readouterr().err


def test_runs_are_found_by_their_tags(tmp_path, capsys):
    for tags in ("[]", "[baseline]", "[baseline,new]"):
        train(tmp_path, "trainer.steps=1", f"tags={tags}", "notes='a line'")
    assert command(["compare", str(tmp_path), "--tag", "baseline", "--columns", "run,tags,notes"]) == 0
    told = capsys.readouterr().out
    assert "baseline, new" in told and "2 runs in" in told and "a line" in told
    assert command(["compare", str(tmp_path), "--tag", "new", "--tag", "baseline"]) == 0
    assert "1 run in" in capsys.readouterr().out
    assert command(["compare", str(tmp_path), "--tag", "old"]) == 2
    assert capsys.readouterr().err.startswith("dlrun: --tag old: none of the runs has it")
