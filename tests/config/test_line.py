"""A command line taken apart."""

import argparse

import pytest

from dl_runner.config.line import active_line, read_line, refusing
from dl_runner.config.search_path import searched
from dl_runner.errors import UserError


def test_options_may_stand_anywhere(tmp_path):
    first = read_line(["--resolve", "--config-dir", str(tmp_path), "--cfg", "job", "model=mlp", "seed=1"])
    for line in (
        ["model=mlp", "--resolve", "seed=1", f"--config-dir={tmp_path}", "--cfg=job"],
        ["model=mlp", "seed=1", "-c", "job", "--resolve", "-cd", str(tmp_path)],
    ):
        found = read_line(line)
        assert found.arguments == tuple(line)
        assert (found.options, found.overrides, found.folders) == (first.options, first.overrides, first.folders)
    assert set(first.options) == {"--resolve", "--cfg=job"} and first.folders == (tmp_path,)
    assert first.overrides == ("model=mlp", "seed=1")
    assert read_line(["seed=1,2", "-m", "model=mlp"]).for_hydra == ["--multirun", "seed=1,2", "model=mlp"]


def test_several_folders_keep_their_order(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    line = read_line(["--config-dir", f"{tmp_path}/b", "seed=1", "--config-dir", f"{tmp_path}/a"])
    assert line.folders == (tmp_path / "b", tmp_path / "a")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config-dir"], "--config-dir/-cd: expected one argument"),
        (["--cfg"], "--cfg/-c: expected one argument"),
        (["--cfg", "jobs"], "--cfg/-c: invalid choice: 'jobs'"),
        (["--epochs=5", "model=mlp"], "--epochs=5: no such option; settings are KEY=VALUE, without dashes"),
        (["model=mlp", "--lr", "0.1"], "--lr: no such option"),
        (["--config-dir", "nowhere"], "--config-dir nowhere: no such folder"),
        (["--config-path", "nowhere"], "--config-path nowhere: would replace the choices"),
        (["--config-name", "nope"], "--config-name nope: no such file"),
        (["--experimental-rerun", "x"], "--experimental-rerun: reads a pickle"),
        (["-m", "seed=1,2", "--cfg", "job"], "-m: --cfg shows the config of one run; leave -m out, and give each key"),
        (["--multirun", "--info"], "-m: --info shows the config of one run"),
        (["--cfg", "job", "--info"], "--cfg and --info: are two things to do"),
        (["--run", "-m"], "--run and --multirun: are two things to do"),
        (["--resolve"], "--resolve: belongs to --cfg"),
        (["-p", "data"], "--package: belongs to --cfg"),
    ],
)
def test_a_wrong_option_is_one_line(arguments, message):
    with pytest.raises(UserError) as caught:
        read_line(arguments)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def for_hydra(*arguments: str) -> list[str]:
    return [one for one in read_line(["-m", *arguments]).for_hydra if one != "--multirun"]


def test_a_key_that_some_of_the_jobs_have_is_left_to_them():
    assert for_hydra("optimizer=adam,adamw", "optimizer.beta1=0.8", "seed=3", "model.width=2") == [
        *("optimizer=adam,adamw", "optimizer.beta1=choice(0.8)", "seed=3", "model.width=2")
    ]
    assert for_hydra("experiment=a,b", "optimizer.beta1=0.8", "device.threads=1", "sweep.name=x", "seed=3") == [
        *("experiment=a,b", "optimizer.beta1=choice(0.8)", "device.threads=1", "sweep.name=x", "seed=3")
    ]
    assert for_hydra("model=mlp,lenet", "+model.a=[1,2]", "~model.b", "model.c=1,2", "optimizer.lr=1") == [
        *("model=mlp,lenet", "+model.a=choice([1,2])", "model.c=1,2", "optimizer.lr=1")
    ]
    assert for_hydra("optimizer=adam", "optimizer.beta1=0.8", "seed=1,2") == [
        *("optimizer=adam", "optimizer.beta1=0.8", "seed=1,2")
    ]


def test_a_config_as_a_whole_of_ones_own_leaves_dlruns_settings_of_hydra_as_they_are(tmp_path):
    assert "hydra.run.dir=." not in read_line(["seed=1", "--config-dir", str(tmp_path)]).overrides
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    assert "hydra.run.dir=." in read_line(["seed=1", "--config-dir", str(tmp_path)]).overrides


def test_a_line_is_active_while_it_is_carried_out(tmp_path):
    line = read_line(["--config-dir", str(tmp_path)])
    with line.active():
        assert active_line() is line and searched() == (tmp_path,)
    assert active_line() is None and searched() == ()


def test_a_verbs_parser_refuses_in_one_line():
    parser = refusing(argparse.ArgumentParser(prog="dlrun evaluate"))
    parser.add_argument("run")
    with pytest.raises(
        UserError, match=r"^evaluate: the following arguments are required: run; `dlrun evaluate --help`"
    ):
        parser.parse_args([])
    with pytest.raises(UserError, match=r"^evaluate: extra: one argument too many; `dlrun evaluate --help`"):
        parser.parse_args(["run", "extra"])
    with pytest.raises(UserError, match=r"^evaluate: --extra: no such option"):
        parser.parse_args(["run", "more", "--extra"])
