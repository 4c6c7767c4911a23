"""A sweep as a user meets it: given again, its command line goes on."""

from pathlib import Path

import pytest
from moody import SMALL, assert_same_weights, folders, statuses, sweep

from dl_runner.cli.app import run
from dl_runner.config.stored import load_config
from dl_runner.tracking.run_folder import RunRecord

pytestmark = pytest.mark.usefixtures("a_folder_with_a_moody_model")


def test_completed_jobs_are_left_alone_and_their_metric_is_read_back(capsys):
    assert sweep("model.width=4,5") == 0
    before = {folder: (folder / "run.json").read_bytes() for folder in folders()}
    assert [folder.name for folder in before] == ["0_model.width=4", "1_model.width=5"]
    objectives = [RunRecord.load(folder)["objective"]["validation/accuracy"] for folder in before]
    assert capsys.readouterr().out.count("completed earlier") == 0

    assert sweep("model.width=4,5", "tracker.console=plain") == 0
    out = capsys.readouterr().out
    assert {folder: (folder / "run.json").read_bytes() for folder in folders()} == before
    assert out.count("completed earlier") == 2
    assert all(f"{objective:.4f}" in out for objective in objectives)


def test_a_sweep_may_grow_and_shrink_but_not_become_another(capsys):
    assert sweep("model.width=4,5") == 0
    definition = Path("outputs/sweeps/s/sweep.json").read_text()
    assert sweep("model.width=5") == 0  # a part of it
    assert sweep("model.width=5,6") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert all(word in err for word in ("different sweep", "lacks 1", "1 others", "sweep.name=s_2", "model.width=4,5"))
    assert "model.width is 4,5 there and 5,6 here" in err
    assert sweep("model.width=4,5", "seed=1") == 2
    assert Path("outputs/sweeps/s/sweep.json").read_text() == definition
    assert sweep("model.width=3,4,5") == 0  # more of it
    assert list(statuses()) == ["0_model.width=4", "1_model.width=5", "2_model.width=3"]


def test_a_job_of_a_sweep_runs_alone_by_its_own_command_and_compares(capsys):
    assert sweep("model.width=4,5", "sweep.retries=1") == 0
    record = RunRecord.load(folders()[0])
    assert record["command"][:2] == ["dlrun", "-m"]
    assert record["job"]["label"] == "model.width=4"
    assert run(record["job"]["command"][1:]) == 0
    (alone,) = Path("outputs/digits/moody").iterdir()
    assert load_config(alone / "config.yaml") == load_config(folders()[0] / "config.yaml")
    assert_same_weights(alone, folders()[0])
    capsys.readouterr()
    assert run(["compare", "outputs/sweeps/s", "--csv"]) == 0
    out = capsys.readouterr().out
    assert out.count("completed") == 2 and "model.width" in out


def test_sampled_sweeps_repeat_extend_and_pair(capsys):
    space = ["optimizer.lr=tag(log,interval(1e-3,1))", "model.width=int(interval(3,9))"]
    assert sweep("sweep=random", "sweep.n=2", *space) == 0
    names = [folder.name for folder in folders()]
    assert sweep("sweep=random", "sweep.n=3", *space) == 0
    assert [folder.name for folder in folders()][:2] == names and len(folders()) == 3
    assert capsys.readouterr().out.count("completed earlier") == 2
    assert sweep("sweep=random", "sweep.n=3", "sweep.seed=1", *space) == 2
    assert sweep("sweep=zip", "model.width=4,5", "optimizer.lr=0.1,0.2", name="z") == 0
    assert [folder.name for folder in folders("z")] == [
        *("0_model.width=4,optimizer.lr=0.1", "1_model.width=5,optimizer.lr=0.2")
    ]


def test_a_sweep_without_a_name_gets_a_new_folder_each_time():
    lines = ["-m", *SMALL, "model.width=4", "trainer.steps=1"]
    assert run(lines) == 0 and run(lines) == 0
    assert len(list(Path("outputs/sweeps").iterdir())) == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["sweep=random"], ["sweep=random", "add -m"]),
        (["sweep.name=a"], ["sweep.name=a", "add -m"]),
        (["-m", "sweep.name=a/b"], ["sweep.name=a/b", "letters"]),
        (["-m", "sweep.retries=-1"], ["sweep.retries=-1", "at least 0"]),
        (["-m", "sweep.n=3"], ["sweep.n=3", "no such key"]),
        (["-m", "sweep=zp"], ["sweep=zp", "did you mean zip?"]),
        (["-m", "sweep=zip", "seed=0,1", "model=mlp,lenet,nin"], ["equal length", "seed has 2"]),
        (["-m", "optimizer.lr=interval(0,1)"], ["optimizer.lr=interval(0,1)", "sweep=random"]),
        (["-m", "model=mlp,lent"], ["model=lent", "did you mean"]),
    ],
)
def test_a_mistake_about_a_sweep_is_one_clear_line(line, words, capsys):
    assert run(line) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("dlrun: ") and err.count("\n") == 1
    assert all(word in err for word in words)
    assert not Path("outputs").exists()


def test_another_sweeper_of_hydras_still_works():
    assert sweep("hydra/sweeper=basic", "model.width=4,5") == 0
    assert set(statuses()) == {"job", "job_2"}


def test_an_experiment_can_bring_its_own_values():
    Path("conf/experiment").mkdir()
    Path("conf/experiment/widths.yaml").write_text(
        "# @package _global_\nhydra:\n  sweeper:\n    params:\n      model.width: 4,5\n"
    )
    assert sweep("experiment=widths") == 0
    assert list(statuses()) == ["0_model.width=4", "1_model.width=5"]
