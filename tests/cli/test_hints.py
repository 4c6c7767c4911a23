"""A beginner's command lines: each is answered in one line with the line that was meant, which composes when pasted."""

import json
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.cli.app import run
from dl_runner.cli.verbs import COMPOSING, VERBS, find
from dl_runner.config import compose as composing
from dl_runner.config.check import check_config
from dl_runner.config.hints import advice
from dl_runner.config.hints.draft import OR, THEN, WRITE
from dl_runner.config.line import read_line
from dl_runner.config.stored import to_plain
from dl_runner.errors import UserError

# What is typed behind `dlrun`, as a shell hands it over → the lines that were meant, or behind a ! the words of an
# answer without such a line.
LINES = {
    # a key without its section
    "lr=0.1": "optimizer.lr=0.1",
    "epochs=5": "trainer.epochs=5",
    "batch_size=32": "data.batch_size=32",
    "dropout=0.5": "model.dropout=0.5 | regularization.dropout=0.5",
    "momentum=0.9": "optimizer=momentum optimizer.momentum=0.9",
    "+lr=0.1": "optimizer.lr=0.1",
    "lr=1e-3,1e-4 -m": "optimizer.lr=1e-3,1e-4 -m",
    "lr=[0.1,0.2]": "-m optimizer.lr=0.1,0.2",
    # … with another section's, or another program's name
    "optimizer.learning_rate=0.1": "optimizer.lr=0.1",
    "trainer.batch_size=32": "data.batch_size=32",
    "trainer.max_epochs=3": "trainer.epochs=3",
    "dataset=mnist": "data=mnist",
    "optimizer.betas=[0.9,0.99]": "optimizer=adam optimizer.beta1=0.9 optimizer.beta2=0.99",
    "num_workers=4": "",
    # a key that another choice has
    "optimizer.momentum=0.9": "optimizer=momentum optimizer.momentum=0.9",
    "optimizer=adam optimizer.momentum=0.9": "optimizer=momentum optimizer.momentum=0.9",
    "model.width=3": "model=bn_lenet model.width=3",
    "-m model=mlp,lenet model.pooling=max,average": "-m model=lenet model.pooling=max,average & -m model=mlp",
    # names
    "data=FashionMNIST": "data=fashion_mnist",
    "model=resnet-18": "model=resnet18",
    "optimizer=Adam": "optimizer=adam",
    "Model=lenet": "model=lenet",
    "augment=None": "augment=none",
    "lesson=dropout": "experiment=lessons/dropout",
    "experiment=dropout": "experiment=lessons/dropout",
    "experiment=lenet": "experiment=notes/lenet",
    "model=resnet": "!did you mean resnet50?",
    "modle=lenet": "!did you mean model?",
    # devices
    "gpu=0": "device.name=cuda:0",
    "device=gpu": "device=cuda",
    "device=cuda:0": "device.name=cuda:0",
    "device=cpu,cuda": "-m device=cpu,cuda",
    "--gpu": "device=cuda",
    # no KEY=VALUE
    "model lenet": "model=lenet",
    "model:lenet": "model=lenet",
    "model = lenet": "model=lenet",
    "model/lenet": "model=lenet",
    "epochs:5": "trainer.epochs=5",
    "seed 3": "seed=3",
    "resnet18": "model=resnet18 | experiment=notes/resnet18",
    "data.batch_size": "data.batch_size=64",
    "optimizer.lr = 0.1": "optimizer.lr=0.1",
    "optimizer.lr==0.1": "optimizer.lr=0.1",
    "optimizer.lr=": "optimizer.lr=0.1",
    "model=lenet,data=digits": "model=lenet data=digits",
    # another program's options
    "--model lenet": "model=lenet",
    "--model=lenet": "model=lenet",
    "--epochs=5": "trainer.epochs=5",
    "-e 5": "trainer.epochs=5",
    "--lr 0.1": "optimizer.lr=0.1",
    "-lr 0.1": "optimizer.lr=0.1",
    "--resume": "!dlrun resume RUN",
    # another program's commands
    "train model=lenet": "model=lenet",
    "run": "",
    "fit": "",
    "dlrun resnet18": "model=resnet18 | experiment=notes/resnet18",
    "python train.py model=lenet": "model=lenet",
    "python -m dl_runner model=lenet": "model=lenet",
    "train.py --lr 0.1": "optimizer.lr=0.1",
    "sweep model=mlp,lenet": "-m model=mlp,lenet",
    "eval outputs/x": "evaluate outputs/x",
    "evalute outputs/x": "evaluate outputs/x",
    "models": "list model",
    "datasets": "list data",
    "summary --model lenet": "summary model=lenet",
    "-m summary model=mlp": "summary model=mlp",
    "--cfg": "--cfg job",
    # what the shell or an editor did
    "model=mlp model.hidden=[512, 256]": "model=mlp 'model.hidden=[512,256]'",
    "trainer.evaluate_every=500 steps": "'trainer.evaluate_every=500 steps'",
    "model=lenet, data=digits": "model=lenet data=digits",
    "-m model=mlp, lenet": "-m model=mlp,lenet",
    "model=“lenet”": "model=lenet",
    "–m model=lenet,mlp": "-m model=lenet,mlp",
    "—model lenet": "model=lenet",
    # values
    "optimizer=adam,sgd": "-m optimizer=adam,sgd",
    "optimizer=[adam,sgd]": "-m optimizer=adam,sgd",
    "model=mlp or lenet": "-m model=mlp,lenet",
    "model=mlp model.hidden=512,256": "model=mlp 'model.hidden=[512,256]'",
    "optimizer.lr=0,1": "optimizer.lr=0.1",
    "trainer.epochs=5epochs": "trainer.epochs=5",
    "trainer.epochs=-1": "!expected a number above 0",
    "trainer.evaluate_every=5": "'trainer.evaluate_every=5 epochs' | 'trainer.evaluate_every=5 steps'",
    "~model": "!choose another one with model=NAME",
    "trainer=5": "!no such trainer; choices: default",
}
# Further ones, for `make faults`.
MORE = {
    "seed=1 lr=0.1 epochs=2": "seed=1 optimizer.lr=0.1 trainer.epochs=2",
    "hidden=256": "model=mlp 'model.hidden=[256]'",
    "warmup=100": "'schedule.warmup=100 epochs' | 'schedule.warmup=100 steps'",
    "patience=3": "regularization.early_stopping=3",
    "weight_decay=1e-4": "regularization.weight_decay=1e-4",
    "++lr=0.1": "optimizer.lr=0.1",
    "model.lr=0.1": "optimizer.lr=0.1",
    "training.lr=0.1": "optimizer.lr=0.1",
    "data.seed=3": "seed=3",
    "num_epochs=5": "trainer.epochs=5",
    "bs=32": "data.batch_size=32",
    "net=lenet": "model=lenet",
    "lr_scheduler=CosineAnnealingLR": "schedule=cosine",
    "gradient_clip_val=1": "trainer.clip_norm=1",
    "log_dir=here": "outputs=here",
    "fp16=true": "device.precision=bf16",
    "model=vgg16": "model=vgg model.depth=16",
    "-m model=mlp,lenet model.pooling=max sweep.name=a": (
        "-m model=lenet model.pooling=max sweep.name=a & -m model=mlp sweep.name=a_2"
    ),
    "-m optimizer=sgd,adam optimizer.beta1=0.8,0.9": "-m optimizer=adam optimizer.beta1=0.8,0.9 & -m optimizer=sgd",
    "data=mnist.yaml": "data=mnist",
    "loss=CrossEntropyLoss": "loss=cross_entropy",
    "init=he": "init=kaiming",
    "augment=null": "augment=none",
    "device.name=gpu": "device.name=cuda",
    "gpus=2": "parallel=ddp parallel.devices=2",
    "model= lenet": "model=lenet",
    "model =lenet": "model=lenet",
    "bahdanau multi30k adamw": "model=bahdanau data=multi30k optimizer=adamw",
    "optimizer.lr:=0.1": "optimizer.lr=0.1",
    "'model=lenet data=digits'": "model=lenet data=digits",
    "--batch-size 32 --optimizer Adam": "data.batch_size=32 optimizer=adam",
    "--model mlp --hidden 512,256 --gpu": "model=mlp 'model.hidden=[512,256]' device=cuda",
    "lists optimizer": "list optimizer",
    "model=mlp summary": "summary model=mlp",
    "outputs/x evaluate": "evaluate outputs/x",
    "summary resnet50": "summary model=resnet50 | summary experiment=notes/resnet50",
    "model=mlp -c": "model=mlp --cfg job",
    "optimizer.lr=1e−3": "optimizer.lr=1e-3",
    "-m optimizer.lr=0.1 0.2": "-m optimizer.lr=0.1,0.2",
    "-m model=mlp model.hidden=512,256": "-m model=mlp 'model.hidden=[512],[256]'",
    "data.batch_size=32.0": "data.batch_size=32",
    "data.validation=10%": "data.validation=0.1",
    "optimizer=momentum optimizer.nesterov=yes": "optimizer=momentum optimizer.nesterov=true",
}


@pytest.fixture(scope="module", autouse=True)
def composed_once():
    """Many of the lines mean the same one."""
    found: dict[tuple, object] = {}

    def compose(given, folders=(), name="config"):
        key = (tuple(given), tuple(folders), name)
        if key not in found:
            try:
                found[key] = original(*key)
            except UserError as error:
                found[key] = error
        if isinstance(found[key], UserError):
            raise found[key]
        return found[key]

    original = composing.compose
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composing, "compose", compose)
        patch.setattr(advice, "compose", compose)
        yield


def answer(words: list[str]) -> str | None:
    found = find(words)
    return advice.advise(found[1], found[0]) if found else advice.advise(words, commands=VERBS)


def check_pasted(command: str) -> None:
    """A line of a hint, taken apart as the shell and dlrun do it."""
    words = shlex.split(command)
    assert words[0] == "dlrun"
    found = find(words[1:])
    if found and found[0] not in COMPOSING:
        return
    line = read_line(found[1] if found else words[1:])
    for job in advice.jobs(line):
        check_config(to_plain(composing.compose(job, line.folders, line.config_name)))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *(pytest.param(*pair, id=pair[0]) for pair in LINES.items()),
        *(pytest.param(*pair, id=pair[0], marks=pytest.mark.thorough) for pair in MORE.items()),
    ],
)
def test_a_beginners_line_is_answered_with_the_line_that_was_meant(typed, meant, capsys):
    words = shlex.split(typed)
    if meant.startswith("!"):
        assert run(words) == 2
        (told,) = capsys.readouterr().err.splitlines()
        assert meant[1:] in told
        return
    told = answer(words)
    assert told and "\n" not in told and told.count(WRITE) == 1
    commands = told.partition(WRITE)[2]
    assert commands == OR.join(
        THEN.join(f"dlrun {one}".strip() for one in alternative.split(" & ")) for alternative in meant.split(" | ")
    )
    for alternative in commands.split(OR):
        for command in alternative.split(THEN):
            check_pasted(command)


def test_the_table_has_sixty_lines():
    assert len(LINES) >= 60


@pytest.mark.parametrize(
    "line",
    [
        *("", "model=mlp", "-m model=mlp,lenet optimizer.lr=0.1,0.05", "experiment=notes/lenet trainer.steps=5"),
        *(
            "model=mlp model.hidden=[8,8] model.dropout=[0.1,0.2]",
            "++model.dropout=0.5",
            "device.name=cuda:1",
            "summary",
        ),
        *("trainer.evaluate_every='500 steps'", "~model.dropout", "optimizer.lr='${oc.decode:${oc.env:LR}}'"),
        "-m optimizer.lr=tag(log,interval(1e-4,1e-1)) sweep=random",
        "-m optimizer=adam,adamw optimizer.beta1=0.8",
    ],
)
def test_a_line_that_works_needs_no_hint(line):
    assert answer(shlex.split(line)) is None


WORDS = st.sampled_from(
    ["model", "lenet", "=", "-m", "--lr", "0.1", "lr=", "[1,", "2]", "gpu=0", "~", "a:b", ",", "--cfg", "é", "-"]
)


@settings(max_examples=40, deadline=None)
@given(st.lists(WORDS | st.text(max_size=6), max_size=5))
def test_no_line_breaks_the_hints(words):
    if not any(word in VERBS for word in words):
        told = answer(words)
        assert told is None or "\n" not in told.partition(WRITE)[0]


def test_what_names_a_run_or_a_file_is_answered_with_its_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("a run/checkpoints").mkdir(parents=True)
    Path("a run/run.json").write_text(json.dumps({}))
    Path("a run/checkpoints/last.pt").touch()
    Path("a run/config.yaml").write_text("seed: 3\n")
    Path("my").mkdir()
    Path("my/mine.yaml").write_text("model: {name: mlp}\n")
    again = "dlrun repeat 'a run'"
    for line, told in {
        "'a run'": "dlrun evaluate 'a run' or: dlrun resume 'a run'",
        "resume='a run'": "dlrun resume 'a run'",
        "--resume 'a run'": "dlrun resume 'a run'",
        "--config-dir 'a run' --config-name config": again,
        "--config-path 'a run' --config-name config": again,
        "'a run/config.yaml'": again,
        "--config 'a run/config.yaml'": again,
        "--config-name 'a run/config.yaml'": again,
        "my/mine.yaml": "dlrun --config-dir my --config-name mine",
        "--config-dir 'a run/checkpoints' --config-name config": "--config-dir a run/checkpoints: ",
        "--config-dir . --config-name config": "holds no choices",
        "--config-dir my --config-name config": "my has no config.yaml",
        "--config-dir my --config-name mine model=lenet": "the config is one file as a whole",
    }.items():
        assert run(shlex.split(line)) == 2, line
        (error,) = capsys.readouterr().err.splitlines()
        assert told in error, line


def test_a_hint_is_what_the_command_prints(capsys):
    assert run(["lr=0.1"]) == 2
    assert capsys.readouterr().err == (
        "dlrun: lr=0.1: no such key; it is optimizer.lr; write: dlrun optimizer.lr=0.1\n"
    )


def test_the_document_shows_what_is_printed():
    page = Path(__file__).parents[2] / "docs" / "configuration.md"
    shown = re.findall(r"^\$ dlrun (.*)\ndlrun: (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(shown) == 3 and all(answer(shlex.split(line)) == told for line, told in shown)


def test_a_key_that_is_given_twice_is_told(capsys):
    assert run(["model=mlp", "seed=1", "model=lenet", "seed=1", "--cfg", "job", "-p", "model"]) == 0
    out, err = capsys.readouterr()
    assert "name: lenet" in out
    assert err == "dlrun: note: model=mlp model=lenet: model is there more than once; the last one counts\n"
