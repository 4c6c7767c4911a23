"""Experiments that bring values to sweep, a launcher or the settings of a search."""

from pathlib import Path

import pytest

from dl_runner.cli.app import run
from dl_runner.config.stored import load_config

SMALL = ["trainer.steps=1", "trainer.test=never", "tracker.tensorboard=false", "tracker.console=none", "device=cpu"]
CONF = ["--config-dir", "conf"]
EXPERIMENTS = {
    "values": "hydra:\n  sweeper:\n    params:\n      optimizer.lr: 0.03,0.04\n",
    "launcher": "defaults:\n  - override /hydra/launcher: local\nseed: 1\n",
    "search": "defaults:\n  - override /sweep: random\nsweep:\n  n: 2\n",
    "adam": "defaults:\n  - override /optimizer: adam\n",
    "seeded": "seed: 3\n",
}


@pytest.fixture(autouse=True)
def experiments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DLRUN_OUTPUT_DIR", raising=False)
    Path("conf/experiment").mkdir(parents=True)
    for name, text in EXPERIMENTS.items():
        Path(f"conf/experiment/{name}.yaml").write_text(f"# @package _global_\n{text}")


@pytest.mark.parametrize(
    ("name", "brings"),
    [("values", "optimizer.lr=0.03,0.04"), ("launcher", "hydra/launcher=local"), ("search", "sweep.n=2")],
)
def test_what_one_job_brings_of_a_sweep_is_refused_before_the_first_one(name, brings, capsys):
    assert run([*CONF, "-m", f"experiment=seeded,{name}", *SMALL]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"dlrun: experiment={name}: brings {brings} of its own") and error.count("\n") == 1
    assert f"dlrun --config-dir {Path('conf').absolute()} -m trainer.steps=1" in error
    assert f"experiment={name}" in error.partition("sweep of its own: ")[2]
    assert not Path("outputs").exists()


@pytest.mark.parametrize("line", ["debug=fast {} optimizer=adam", "optimizer=adam {} debug=fast,overfit"])
@pytest.mark.parametrize("name", ["values", "launcher", "search"])
def test_the_experiment_that_brings_it_is_named_whatever_else_is_chosen(name, line, capsys):
    words = line.format(f"experiment={name},seeded").split()
    assert run([*words[:1], *CONF, "-m", *words[1:]]) == 2
    assert capsys.readouterr().err.startswith(f"dlrun: experiment={name}: brings ")


@pytest.mark.parametrize(
    ("name", "brings"),
    [
        ("values", "optimizer.lr=0.03,0.04"),
        ("launcher", "hydra/launcher=local"),
        ("search", "sweep.search=random"),
    ],
)
def test_without_m_an_experiment_that_is_a_sweep_names_its_command(name, brings, capsys):
    assert run([*CONF, f"experiment={name}", *SMALL]) == 2
    error = capsys.readouterr().err
    command = " ".join(["dlrun", "-m", *CONF, f"experiment={name}", *SMALL])
    assert error == f"dlrun: experiment={name}: is a sweep ({brings}); run it with: {command}\n"
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    "override", ["sweep=random", "sweep.name=x", "+sweep.n=3", "hydra/launcher=local", "hydra.sweeper.max_batch_size=1"]
)
def test_without_m_what_only_a_sweep_has_is_refused(override, capsys):
    assert run([override, *SMALL]) == 2
    assert capsys.readouterr().err == f"dlrun: {override}: only a sweep has this; add -m\n"


def of_optimizers(key: str) -> list[float]:
    """The value of an optimizer's key in each run, in the order of their folders."""
    return [load_config(path)["optimizer"][key] for path in sorted(Path("outputs").rglob("config.yaml"))]


def test_with_m_the_values_of_an_experiment_are_swept():
    assert run([*CONF, "-m", "experiment=values", *SMALL]) == 0
    assert of_optimizers("lr") == [0.03, 0.04]


def test_a_fixed_key_is_checked_against_each_job(capsys):
    fixed = "optimizer.beta1=0.8"
    assert run(["-m", "optimizer=adam,adamw", fixed, *SMALL]) == 0
    assert of_optimizers("beta1") == [0.8, 0.8]
    capsys.readouterr()
    assert run(["-m", "optimizer=adam,sgd", fixed, *SMALL]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"dlrun: {fixed}: of the swept choices of optimizer, adam has beta1 and sgd has not; ")
    assert "write: dlrun -m optimizer=adam optimizer.beta1=0.8" in error and "&& dlrun -m optimizer=sgd" in error
    assert run([*CONF, "-m", "experiment=adam,seeded", fixed, *SMALL]) == 2
    assert "experiment=seeded" in capsys.readouterr().err
    assert of_optimizers("beta1") == [0.8, 0.8]


def test_a_fixed_key_of_a_swept_experiment_reaches_each_job():
    assert run([*CONF, "-m", "experiment=adam,seeded", "optimizer.lr=0.02", *SMALL]) == 0
    assert of_optimizers("lr") == [0.02, 0.02]


def test_hydras_values_are_the_same_in_a_run_a_sweep_and_a_summary(tmp_path, capsys):
    place = "outputs=${hydra:runtime.cwd}/elsewhere"
    assert run([place, *SMALL]) == 0
    assert run([place, "-m", *SMALL]) == 0
    assert run(["summary", place]) == 0
    assert len(list((tmp_path / "elsewhere").rglob("run.json"))) == 2
    capsys.readouterr()
    for line in (["seed=${nope}"], ["-m", "seed=${nope}"], ["summary", "seed=${nope}"]):
        assert run(line) == 2
        assert capsys.readouterr().err == "dlrun: seed: ${nope} refers to a key that does not exist\n"
