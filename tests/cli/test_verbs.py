"""The verb of a command line, and its arguments."""

import os
from pathlib import Path

import pytest

from dl_runner.cli.app import run
from dl_runner.cli.verbs import VERBS, find
from dl_runner.errors import UserError


@pytest.mark.parametrize(
    ("line", "verb", "arguments"),
    [
        ("list optimizer", "list", "optimizer"),
        ("--config-dir my list optimizer", "list", "--config-dir my optimizer"),
        ("-cd my --config-dir=other summary model=lenet", "summary", "-cd my --config-dir=other model=lenet"),
        ("--config-dir list summary", "summary", "--config-dir list"),
        ("--split train --device cpu evaluate RUN", "evaluate", "--split train --device cpu RUN"),
        ("--no-fold --sort -lr compare DIR", "compare", "--no-fold --sort -lr DIR"),
        ("--top 5 --invert predict RUN a.png", "predict", "--top 5 --invert RUN a.png"),
        ("--help evaluate", "evaluate", "--help"),
        ("-c job summary model=mlp", "summary", "-c job model=mlp"),
        ("-cn mine -cd my check data=digits", "check", "-cn mine -cd my data=digits"),
    ],
)
def test_options_may_stand_before_a_verb(line, verb, arguments):
    assert find(line.split()) == (verb, arguments.split())


@pytest.mark.parametrize(
    "line",
    [
        *(
            "",
            "model=mlp",
            "--help",
            "-m seed=1,2",
            "--config-dir my",
            "--config-dir list",
            "--config-name list seed=1",
        ),
        *("model=mlp list", "-m model=mlp compare", "--multirun seed=1,2 list", "--cfg=job model=mlp list", "lists"),
    ],
)
def test_a_hydra_command_line_has_no_verb(line):
    assert find(line.split()) is None


@pytest.mark.parametrize("line", ["--help", "-h", "model=mlp --help", "-m model=mlp,lenet -h", "help", "help me"])
def test_help_is_ours_wherever_it_is_asked_for(line, capsys):
    assert run(line.split()) == 0
    assert capsys.readouterr().out.startswith("dlrun: deep-learning experiments")


@pytest.mark.parametrize("line", ["help evaluate", "evaluate --help", "--help evaluate"])
def test_the_help_of_a_verb(line, capsys):
    with pytest.raises(SystemExit) as left:
        run(line.split())
    assert left.value.code == 0 and capsys.readouterr().out.startswith("usage: dlrun evaluate")


@pytest.mark.parametrize("line", ["--version", "-V", "model=mlp -V", "model=mlp --version"])
def test_the_version(line, capsys):
    assert run(line.split()) == 0
    assert capsys.readouterr().out.startswith("dlrun ")


def test_a_config_of_ones_own_as_a_whole_is_summarized(tmp_path, capsys):
    assert run(["model=softmax", "data=xor", "--cfg", "job", "--resolve"]) == 0
    (tmp_path / "whole.yaml").write_text(capsys.readouterr().out)
    assert run(["--config-name=whole", "-cd", str(tmp_path), "summary", "seed=3"]) == 0
    assert "softmax on xor" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "found", "words"),
    [
        ("list optimizer adam", 0, ["optimizer=adam  Adam (", "optimizer.lr=0.001", "the learning rate η; a number"]),
        ("list model=lenet", 0, ["model.pooling=max", "one of max, average"]),
        ("list models softmax", 0, ["It has no keys."]),
        ("list experiments lessons/dropout", 0, ["data=fashion_mnist", "model.hidden=[256, 256]"]),
        ("list optimizer adem", 2, ["list optimizer adem: no such optimizer; did you mean adam?"]),
    ],
)
def test_a_choice_is_listed_with_its_keys(line, found, words, capsys):
    assert run(line.split()) == found
    printed = "".join(capsys.readouterr())
    assert all(word in printed for word in words)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("more", [[""], ["x", ""], ["--out", ""], ["--png="]])
def test_an_empty_argument_is_no_name_of_the_working_directory(verb, more):
    with pytest.raises(UserError, match=rf"^{verb}: (an empty argument|--png= is empty); write what it shall be"):
        find([verb, *more])


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_a_folder_of_ones_own_before_it(verb, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["--config-dir", "nowhere", verb, "outputs"]) == 2
    assert capsys.readouterr().err.startswith("dlrun: --config-dir nowhere: no such folder")
    Path("my/optimizer").mkdir(parents=True)
    Path("my/optimizer/mine.yaml").write_text("name: sgd\nlr: 0.01\n")
    arguments = {
        "list": ["optimizer"],
        "summary": ["optimizer=mine", "seed=-1"],
        "check": ["optimizer=mine", "seed=-1"],
        "new": ["json"],
    }
    code = run(["--config-dir", "my", verb, *arguments.get(verb, ["nowhere"])])
    out, err = capsys.readouterr()
    assert (code, err.count("\n")) == ((0, 0) if verb == "list" else (2, 1)) and "config-dir" not in err
    assert ("mine" in out) == (verb == "list")


def test_a_name_that_is_no_utf_8_is_shown_by_its_bytes(capsys):
    for line in (["evaluate"], ["compare"], ["--config-dir"]):
        assert run([*line, os.fsdecode(b"a\xff")]) == 2
        assert r"a\xff: no " in capsys.readouterr().err
