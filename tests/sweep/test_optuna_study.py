"""The trials of a search that processes share."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from dl_runner.sweep.space import Dimension, Interval
from dl_runner.sweep.study import Pruning, Study, open_study

optuna = pytest.importorskip("optuna")
SPACE = [Dimension("lr", interval=Interval(1e-3, 1.0, log=True)), Dimension("model", choices=("model=a", "model=b"))]


@pytest.fixture
def storage(tmp_path):
    return f"sqlite:///{tmp_path}/shared.db"


def studies(storage, tmp_path, count=1):
    """Those of so many processes; each has read the database for itself."""
    return [open_study.__wrapped__(storage, tmp_path / "s", "maximize") for _ in range(count)]


def conduct(study, n, values):
    """Asks for trials until there are n; returns what was drawn."""
    drawn = []
    while (trial := study.ask(n)) is not None:
        drawn.append([study.draw(trial, dimension) for dimension in SPACE])
        trial.set_user_attr("identity", str(drawn[-1]))
        study.tell(str(drawn[-1]), values(trial.number), pruned=False)
    return drawn


def test_a_trial_that_was_killed_while_it_was_drawn_gets_the_same_samples(storage, tmp_path):
    wanted = conduct(Study(optuna.create_study(direction="maximize"), 3, "one"), 12, float)
    (first,) = studies(storage, tmp_path)
    assert conduct(Study(first, 3, "one"), 11, float) == wanted[:11]
    killed = Study(first, 3, "one")
    assert killed.draw(killed.ask(12), SPACE[0]) == wanted[11][0]

    again = Study(studies(storage, tmp_path)[0], 3, "one")
    assert again.ask(12) is None
    (left,) = again.unfinished()
    handle = again.take(left)
    assert [again.draw(handle, dimension) for dimension in SPACE] == wanted[11]
    assert len(wanted) == len({str(one) for one in wanted}) == 12
    assert conduct(Study(optuna.create_study(direction="maximize"), 4, "one"), 12, float) != wanted


def test_folders_without_a_common_lock_make_no_trial_too_many(tmp_path):
    (tmp_path / "s").mkdir()
    found = [Study(study, 0, f"folder {number}") for number, study in enumerate(studies("journal", tmp_path, 3))]
    with ThreadPoolExecutor() as pool:
        drawn = [one for some in pool.map(lambda study: conduct(study, 10, float), found) for one in some]
    (study,) = studies("journal", tmp_path)
    done = [trial for trial in study.trials if trial.state.is_finished()]
    assert [trial.number for trial in done] == list(range(10)) and len(drawn) == 10
    assert not any(trial.state.name == "RUNNING" for trial in study.trials)


def test_a_trial_of_another_folder_is_not_gone_on_with(storage, tmp_path):
    (study,) = studies(storage, tmp_path)
    ours, theirs = Study(study, 0, "ours"), Study(study, 0, "theirs")
    assert ours.ask(2) is not None
    assert len(ours.unfinished()) == 1 and theirs.unfinished() == []


def test_a_run_is_judged_by_the_median_at_its_evaluation(storage, tmp_path):
    (study,) = studies(storage, tmp_path)
    mine = Study(study, 0, "one")
    for number in range(6):
        trial = mine.ask(6)
        trial.set_user_attr("identity", str(number))
        judge = Pruning(study, str(number), "validation/accuracy")
        verdicts = [judge(1, {"validation/accuracy": 0.1}), judge(2, {"validation/accuracy": number / 10})]
        if number < 5:  # not before five are completed
            assert verdicts == [False, False]
            mine.tell(str(number), number / 10, pruned=False)
    assert verdicts == [False, False]  # 0.5 is the best of all
    assert judge(3, {"validation/accuracy": 0.0}) is False  # nobody has come so far
    late = mine.ask(7)
    late.set_user_attr("identity", "late")
    assert Pruning(study, "late", "validation/accuracy")(2, {"validation/accuracy": 0.15})  # the median is 0.2
    assert not Pruning(study, "late", "validation/loss")(2, {"validation/accuracy": 0.15})
    assert not Pruning(study, "nobody", "validation/accuracy")(2, {"validation/accuracy": 0.0})


def test_a_database_that_goes_away_ends_no_run(storage, tmp_path, caplog):
    (study,) = studies(storage, tmp_path)
    Study(study, 0, "one").ask(1).set_user_attr("identity", "it")
    (tmp_path / "shared.db").write_text("no database")
    study._storage._backend.engine.dispose() if hasattr(study._storage, "_backend") else None
    assert Pruning(study, "it", "validation/accuracy")(1, {"validation/accuracy": 0.5}) is False
    assert "out of reach" in caplog.text
