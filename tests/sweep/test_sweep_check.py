"""No job of a sweep trains before the parts of all of them are known to fit."""

from pathlib import Path

import pytest
from helpers import QUIET
from moody import feel, folders, sweep

from dl_runner.cli.app import run
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.running import rehearsal
from dl_runner.running.rehearsal import misfits

SMALL = ("-m", "data=digits", "data.limit=60", "trainer.steps=1", "sweep.name=s", *QUIET)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("model=softmax,vgg",), "job model=vgg: model=vgg: needs images of at least 32x32"),
        (("optimizer.lr=0.1,-1", "seed=0,1,2"), "job optimizer.lr=-1,seed=0 and 2 more: optimizer.lr=-1: expected"),
        (("loss=cross_entropy,mse",), "job loss=mse: loss=mse: is for numbers"),
        (("data.folds=5", "data.fold=0,1,7"), "job data.fold=7: data.fold=7"),
        (
            ("sweep=zip", "regularization.early_stopping=null,3", "data.validation=0"),
            "job regularization.early_stopping=3",
        ),
        (
            ("sweep=optuna", "sweep.n=2", "model=softmax,vgg", "optimizer.lr=interval(1,2)"),
            "job model=vgg,optimizer.lr=1.5: ",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_bad_value_is_found_before_the_first_job(line, told, tmp_path, monkeypatch, capsys):
    if line[0] == "sweep=optuna":
        pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    assert run([*SMALL, *line]) == 2
    assert f"dlrun: {told}" in (err := capsys.readouterr().err) and "no job was started" in err
    assert not list(tmp_path.iterdir())


def test_different_mistakes_are_told_once_each(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run([*SMALL, "model=softmax,vgg", "optimizer.lr=0.1,-1"]) == 2
    first, *lines = capsys.readouterr().err.strip().splitlines()
    assert first.startswith("dlrun: 3 of 4 jobs cannot run, and none was started")
    assert len(lines) == 2 and "optimizer.lr=-1 and 1 more: " in lines[0] and "model=vgg: needs" in lines[1]


@pytest.mark.usefixtures("a_folder_with_a_moody_model")
class TestPlugins:
    def test_an_exception_of_a_builder_is_shown_with_its_traceback(self, capsys):
        feel("unbuildable 4")
        assert sweep("model.width=5,4") == 2
        err = capsys.readouterr().err
        assert "job model.width=4: ZeroDivisionError: no model today" in err and "moody_model.py" in err
        assert not Path("outputs").exists()

    def test_jobs_that_have_begun_are_left_alone(self):
        assert sweep("model.width=choice(4)", "trainer.steps=1") == 0
        feel("unbuildable 4")
        assert sweep("model.width=4,5", "trainer.steps=1") == 0
        assert len(folders()) == 2

    def test_the_local_launcher_checks_in_a_process_of_its_own(self, capsys):
        feel("unbuildable 4")
        assert sweep("model.width=5,4", "hydra/launcher=local") == 2
        assert "job model.width=4: ZeroDivisionError: no model today" in capsys.readouterr().err
        assert not Path("outputs").exists()


def test_each_distinct_part_is_built_once(monkeypatch):
    built = {"build_data": 0, "build_experiment": 0}

    def counted(name):
        function = getattr(rehearsal, name)

        def count(*args, **keywords):
            built[name] += 1
            return function(*args, **keywords)

        return count

    for name in built:
        monkeypatch.setattr(rehearsal, name, counted(name))
    plain = to_plain(compose(["data.limit=60", "model=softmax", "device=cpu"]))
    other = to_plain(compose(["data.limit=60", "model=mlp", "device=cpu"]))
    configs = [
        check_config(
            {**one, "seed": seed, "optimizer": {**one["optimizer"], "lr": rate}, "data": {**one["data"], "fold": fold}}
        )
        for rate in (0.1, 0.2, 0.3)
        for one in (plain, other)
        for seed, fold in ((0, None), (1, None))
    ]
    assert misfits(configs) == [None] * 12 and built == {"build_data": 1, "build_experiment": 2}


def test_what_runs_elsewhere_is_checked_without_its_data():
    fine, bad = (
        check_config(to_plain(compose(["data=image_folder", "data.path=/nowhere", "model=mlp", f"model.hidden={one}"])))
        for one in ("[8]", "[0]")
    )
    first, second = misfits([fine, bad], here=False)
    assert first is None and "model.hidden=[0]" in second.error
