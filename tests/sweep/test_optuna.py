"""`sweep=optuna` as a user meets it."""

import random
import shutil
import sys
from pathlib import Path

import pytest
from helpers import HANGS, rows
from hydra.core.plugins import Plugins
from moody import feel, folders, start, statuses, sweep, trained, wait_until

from dl_runner.cli.app import run
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import sweep_section, to_plain
from dl_runner.sweep.search_plan import objective
from dl_runner.sweep.settings import check
from dl_runner.tracking.run_folder import RunRecord

optuna = pytest.importorskip("optuna")
pytestmark = pytest.mark.usefixtures("a_folder_with_a_moody_model")

SPACE = ("optimizer.lr=tag(log,interval(1e-2,1))", "model.width=range(3,20)")


def search(*overrides, name="s", n=4):
    return sweep("sweep=optuna", f"sweep.n={n}", *overrides, name=name)


def trials(name="s", storage=None):
    storage = storage or f"sqlite:///outputs/sweeps/{name}/study.db"
    return optuna.load_study(study_name=name, storage=storage).trials


def states(name="s"):
    return [trial.state.name for trial in trials(name)]


def told(name="s"):
    return [(trial.params, trial.state, trial.values, trial.intermediate_values) for trial in trials(name)]


def test_a_search_tells_its_best_trial_and_may_be_extended(capsys):
    assert search(*SPACE, n=2) == 0
    out = capsys.readouterr().out
    best = max(trials(), key=lambda trial: trial.value)
    record = RunRecord.load(folders()[best.number])
    assert record["objective"] == {"validation/accuracy": best.value}
    assert f"2 of 2 trials done; the best, trial {best.number}, validation/accuracy {best.value:.4f}: dlrun" in out
    assert all(f"{key}={record['job']['label'].split(f'{key}=')[1].split(',')[0]}" in out for key in best.params)

    before = [(folder / "run.json").read_bytes() for folder in folders()]
    assert search(*SPACE, n=3) == 0
    assert [(folder / "run.json").read_bytes() for folder in folders()][:2] == before
    assert states() == ["COMPLETE"] * 3
    assert search(*SPACE, name="again", n=3) == 0
    assert told("again") == told()  # as if it had never stopped


@pytest.mark.thorough
@pytest.mark.parametrize(("storage", "kills"), [("sqlite", 2), ("journal", 1)])
def test_a_search_killed_at_random_moments_ends_with_its_trials_each_trained_once(storage, kills):
    feel("slow")
    line = ["sweep=optuna", "sweep.n=3", f"sweep.storage={storage}", *SPACE]
    steps, lost = 3 * 12, kills * 3  # three steps is a checkpoint
    for moment in sorted(random.Random(storage).sample(range(1, steps), kills)):
        process = start(*line)
        wait_until(lambda moment=moment: trained() >= moment, process)
        process.kill()
        process.communicate()
    assert sweep(*line) == 0
    assert steps <= trained() <= steps + lost
    assert set(statuses().values()) == {"completed"} and len(statuses()) == 3

    feel("")
    assert search(*SPACE, name="whole", n=3) == 0
    for ours, whole in zip(folders(), folders("whole"), strict=True):
        assert ours.name == whole.name and rows(ours) == rows(whole)
    if storage == "sqlite":
        assert told() == told("whole")
    else:
        backend = optuna.storages.journal.JournalFileBackend("outputs/sweeps/s/study.log")
        found = trials(storage=optuna.storages.JournalStorage(backend))
        assert [trial.params for trial in found] == [trial.params for trial in trials("whole")]


def test_a_run_that_is_worse_than_most_is_given_up(capsys):
    line = ("optimizer.lr=tag(log,interval(1e-6,1))", "sweep.seed=1")  # five completed runs, then three bad ones
    assert search(*line, n=8) == 0
    out = capsys.readouterr().out
    pruned = [trial for trial in trials() if trial.state.name == "PRUNED"]
    assert 0 < len(pruned) < 5 and len(trials()) == 8 and all(trial.state.is_finished() for trial in trials())
    assert [folder.name for folder, status in zip(folders(), statuses().values(), strict=True) if status == "pruned"]
    folder = next(path for path in folders() if path.name.startswith(f"{pruned[0].number}_"))
    record = RunRecord.load(folder)
    assert record["status"] == "pruned" and record["step"] < 12 and record["traceback"] is None
    assert record["objective"]["validation/accuracy"] == max(pruned[0].intermediate_values.values())
    assert list(pruned[0].intermediate_values) == list(range(1, record["step"] // 3 + 1))
    assert "pruned" in out
    assert search(*line, n=8) == 0
    assert RunRecord.load(folder)["status"] == "pruned"
    assert run(["compare", "outputs/sweeps/s"]) == 0
    assert run(["resume", str(folder)]) == 0
    assert RunRecord.load(folder)["status"] == "completed" and RunRecord.load(folder)["step"] == 12


def test_a_failed_trial_is_tried_again_by_the_next_command_and_is_the_same_trial(capsys):
    feel("fail once")
    assert search(*SPACE, n=2) == 1
    assert states() == ["RUNNING", "COMPLETE"]
    assert "1 of 2 jobs failed" in capsys.readouterr().err
    assert search(*SPACE, n=2) == 0
    assert states() == ["COMPLETE"] * 2


def test_values_that_were_tried_before_are_not_trained_again(capsys):
    feel("slow")
    assert search("model.width=4,5", n=6) == 0
    assert states() == ["COMPLETE"] * 6 and len(folders()) == 2 and trained() == 2 * 12
    assert {(trial.params["model.width"], trial.value) for trial in trials()} == {
        (f"model.width={folder.name[-1]}", RunRecord.load(folder)["objective"]["validation/accuracy"])
        for folder in folders()
    }


def test_two_processes_share_a_search():
    feel("slow")
    line = ["sweep=optuna", "sweep.n=4", "sweep.pruning=false", *SPACE]
    processes = [start(*line), start(*line)]
    assert [process.wait(timeout=HANGS) for process in processes] == [0, 0]
    assert states() == ["COMPLETE"] * 4 and len(folders()) == 4 and trained() == 4 * 12


@pytest.mark.thorough
def test_processes_that_share_a_search_may_see_the_end_of_a_job_at_the_same_time():
    line = ["sweep=optuna", "sweep.n=16", "sweep.pruning=false", "model.width=4,5,6"]
    processes = [start(*line) for _ in range(2)]
    assert [process.wait(timeout=HANGS) for process in processes] == [0, 0]
    assert states() == ["COMPLETE"] * 16 and len(folders()) <= 3


def test_trials_are_asked_for_when_there_is_room(monkeypatch):
    room = []

    def launch_as_completed(self, jobs, initial_job_idx):
        running = []
        for place, job in enumerate(jobs, start=initial_job_idx):
            running.append((place, job))
            room.append((len(trials()), sum(trial.state.is_finished() for trial in trials())))
            if len(running) == 2:
                place, job = running.pop(0)
                yield place, self.launch([job], place)[0]
        for place, job in running:
            yield place, self.launch([job], place)[0]

    Plugins.instance()  # imports its own copy of each launcher's module
    from hydra._internal.core_plugins.basic_launcher import BasicLauncher

    monkeypatch.setattr(BasicLauncher, "launch_as_completed", launch_as_completed, raising=False)
    assert search(*SPACE, n=3) == 0
    assert room == [(1, 0), (2, 0), (3, 1)]
    assert states() == ["COMPLETE"] * 3


def test_another_search_does_not_go_into_the_same_folder(capsys):
    assert search("model.width=range(3,20)", n=1) == 0
    before = Path("outputs/sweeps/s/sweep.json").read_text()
    for other in (["model.width=range(3,21)"], ["model.width=range(3,20)", "seed=1"]):
        assert search(*other, n=1) == 2
        err = capsys.readouterr().err
        assert "different sweep" in err and "sweep.name" in err and err.count("\n") == 1
    assert search("model.width=range(3,20)", "sweep.metric=validation/loss", n=1) == 2
    assert "its metric is validation/accuracy, not validation/loss" in capsys.readouterr().err
    assert sweep("model.width=4,5") == 2
    assert Path("outputs/sweeps/s/sweep.json").read_text() == before
    assert search("model.width=range(3,20)", "sweep.metric=validation/loss", name="loss", n=1) == 0
    (trial,) = trials("loss")
    assert (
        trial.value
        == min(trial.intermediate_values.values())
        == min(row["validation/loss"] for row in rows(folders("loss")[0]) if "validation/loss" in row)
    )


def test_a_study_that_is_another_search_is_refused(capsys):
    shared = "sweep.storage=sqlite:///shared.db"
    assert search("model.width=range(3,20)", shared, n=1) == 0
    shutil.rmtree("outputs/sweeps/s")
    assert search("model.width=range(3,21)", shared, n=1) == 2
    err = capsys.readouterr().err
    assert "its study s is a different search" in err and "sweep.name" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["sweep.metric=accuracy", SPACE[0]], ["sweep.metric=accuracy", "validation/NAME"]),
        (["sweep.metric=test/accuracy", SPACE[0]], ["sweep.metric=test/accuracy", "may choose"]),
        (["sweep.metric=validation/acuracy", SPACE[0]], ["validation/acuracy", "did you mean validation/accuracy?"]),
        (["data.validation=null", SPACE[0]], ["no validation data", "data.validation=0.1"]),
        (["sweep.direction=up", SPACE[0]], ["sweep.direction=up", "maximize, minimize"]),
        (["sweep.n=0", SPACE[0]], ["sweep.n=0", "at least 1"]),
        ([], ["nothing to search"]),
        (["seed=range(3,3)"], ["seed=range(3,3)", "no values"]),
        (["optimizer.lr=interval(-2,-1)"], ["optimizer.lr=-1.5", "above 0"]),
        (["optimizer.momentum=interval(0,1)"], ["optimizer.momentum", "optimizer=sgd has no momentum"]),
        (["experiment=lessons/symmetry", "seed=range(0,9)"], ["a lesson has no metric"]),
    ],
)
def test_a_mistake_about_a_search_is_one_clear_line(line, words, capsys):
    assert run(["-m", "sweep=optuna", *line]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("dlrun: ") and err.count("\n") == 1
    assert all(word in err for word in words)
    assert not list(Path("outputs").glob("sweeps/*"))


@pytest.mark.parametrize(
    ("metric", "direction"), [(None, "minimize"), ("validation/mae", "minimize"), ("validation/rmse", "minimize")]
)
def test_a_task_says_which_way_each_of_its_metrics_is_better(metric, direction):
    line = ["data=noisy_cubic", "data.validation=0.2", "model=linear", "init=default"]
    composed = compose([*line, "sweep=optuna", "sweep.name=s", *([f"sweep.metric={metric}"] if metric else [])])
    found = objective(check_config(to_plain(composed)), check(sweep_section(composed)))
    assert found == (metric or "validation/loss", direction)


def test_a_storage_out_of_reach_is_one_clear_line(capsys):
    assert search(*SPACE, "sweep.storage=sqlite:////nowhere/study.db") == 2
    err = capsys.readouterr().err
    assert err.startswith("dlrun: sweep.storage=sqlite:////nowhere/study.db: cannot be used") and err.count("\n") == 1


def test_without_optuna_the_line_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert search(*SPACE) == 2
    assert capsys.readouterr().err == "dlrun: sweep=optuna: Optuna is not installed; pip install 'dl_runner[optuna]'\n"
