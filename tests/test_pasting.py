"""What a user typed is shown as it is, and a command that is printed is one that works when it is pasted."""

import ast
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from helpers import QUIET
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from matplotlib.figure import Figure
from run_folders import make_run

from dl_runner.cli.app import run
from dl_runner.config.line import read_line
from dl_runner.config.search_path import PACKAGE, command_line, searching
from dl_runner.errors import UserError
from dl_runner.report.compare.pictures import _draw_swept, draw
from dl_runner.report.compare.rows import fold
from dl_runner.report.compare.runs import load_all
from dl_runner.report.masks import class_bars, palette
from dl_runner.report.pictures import confusion_matrix, image_table
from dl_runner.running.ending import _how_to_go_on
from dl_runner.running.inference import weight_file
from dl_runner.sweep.folder import Entry
from dl_runner.sweep.job import Outcome
from dl_runner.sweep.space import choices
from dl_runner.sweep.summary import show
from dl_runner.tracking.console import terminal
from dl_runner.tracking.run_folder import Job

ODD = "a [b] :smile: $c$ 'd' é [red]"


def pasted(text: str) -> list[str]:
    """The words of the command at the end of a line, as a shell reads them."""
    return shlex.split(text[text.rindex("dlrun ") :])


def test_the_summary_of_a_sweep_shows_brackets_and_a_command(tmp_path, capsys):
    folder = tmp_path / ODD
    job = Job("plugins=[my_parts]", "0" * 64, ("dlrun", "plugins=[my_parts]"))
    best = f"best: 0.5 of {job.label}; alone: {shlex.join(job.command)}"
    show(folder, [(Entry(0, "0_model.hidden=[7]", job), Outcome("completed", {"validation/accuracy": 0.5}))], best)
    *table, told, last = capsys.readouterr().out.strip("\n").splitlines()
    assert "0_model.hidden=[7]" in table[-1] and told == best
    assert pasted(last) == ["dlrun", "compare", str(folder)]


@pytest.mark.parametrize("mode", ["plain", "rich"])
def test_a_terminal_shows_texts_as_they_are(mode, capsys):
    terminal(mode)[0].print(ODD)
    assert ODD in capsys.readouterr().out


def test_folders_in_messages_are_quoted(tmp_path):
    folder = tmp_path / ODD
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.pt").touch()
    assert pasted(_how_to_go_on(folder)) == ["dlrun", "resume", str(folder)]
    with pytest.raises(UserError) as error:
        weight_file(folder, None)
    assert pasted(str(error.value)) == ["dlrun", "resume", str(folder)]
    with searching([folder]):
        assert pasted(command_line(["x=[1]"])) == ["dlrun", "--config-dir", str(folder), "x=[1]"]


OURS = {"verb", "option", "group", "name", "every", "example", "dl_runner.__version__"}  # words that no user chooses


def test_no_message_puts_a_text_into_a_command_without_quoting_it():
    found = {}
    for path in [*PACKAGE.rglob("*.py"), *PACKAGE.parent.glob("hydra_plugins/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            text = ""
            for part in node.values if isinstance(node, ast.JoinedStr) else []:
                if isinstance(part, ast.FormattedValue):
                    if re.search(r"dlrun [^;:,`)]*$", text):
                        found[ast.unparse(part.value)] = f"{path.name}:{node.lineno}"
                    text += "X"
                else:
                    text += part.value
    assert set(found) >= OURS and not {
        text: at for text, at in found.items() if text not in OURS and "shlex" not in text
    }


@pytest.mark.parametrize("odd", [ODD, "a\nb", 'say "no"', "it's", "日本 語", "$(touch x) `y` & ; |", "\\", "*?", "-m"])
def test_what_is_printed_is_read_again_by_the_shell_and_by_the_command_line(odd, tmp_path):
    folder = tmp_path / odd
    folder.mkdir()
    value = quoted(odd.replace("\n", " "))  # no value has the end of a line in it
    given = ["--config-dir", str(folder), "-m", f"outputs={value}", "plugins=[my_parts]", f"x={value},1"]
    argv = shlex.split(shlex.join(["dlrun", *given]))[1:]
    line = read_line(argv)
    assert argv == given and list(line.overrides) == given[3:] and [str(one) for one in line.folders] == [str(folder)]
    parse = OverridesParser.create().parse_override
    assert parse(line.overrides[0]).value() == odd.replace("\n", " ")
    for one, written in zip((parse(line.overrides[0]).value(), 1), choices("x", parse(line.overrides[2])), strict=True):
        assert parse(shlex.split(shlex.join([written]))[0]).value() == one
    with searching(line.folders):
        assert shlex.split(command_line(line.overrides))[1:] == [*given[:2], *given[3:]]


def quoted(text):
    return QuotedString(text=text, quote=Quote.single).with_quotes()


def test_the_commands_of_a_real_sweep_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ["-m", "seed=1,2", "model=softmax", "trainer.steps=1", "data.limit=32", *QUIET]
    assert run([*options, "outputs='a [b] :smile: é'"]) == 0
    compare = pasted(capsys.readouterr().out.strip().splitlines()[-1])
    assert compare[:2] == ["dlrun", "compare"] and run(compare[1:]) == 0
    (job, *_) = Path(compare[2]).glob("0_*")
    command = json.loads((job / "run.json").read_text())["job"]["command"]
    assert run(pasted(shlex.join(command))[1:]) == 0


def test_names_of_classes_in_a_picture_are_no_formulas():
    names = ["other", r"$\frac$", "a_b^c"]
    class_bars([0.5, 0.2, 0.3], names, "share")
    image_table(np.zeros((1, 1, 3, 8, 8), np.uint8), names[1:2], names[2:], dict(zip(names, palette(3), strict=True)))
    confusion_matrix(np.eye(3, dtype=int), names)


def test_names_in_a_picture_are_no_formulas(tmp_path):
    for name in (r"$\frac$", "_a_b^c"):
        for rate in (0.1, 0.2):
            make_run(tmp_path / f"{rate}{name[2:]}", {"model.name": name, "optimizer.lr": rate}, (0.3, 0.5))
    rows = fold(load_all([tmp_path])[0])[0]
    figure = Figure()
    for axes, key in zip(figure.subplots(1, 2), ("model.name", "optimizer.lr"), strict=True):
        _draw_swept(axes, rows, key, "validation/accuracy")
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {r"$\frac$", "_a_b^c"}
    figure.savefig(tmp_path / "picture.png")  # a formula that is none would raise
    assert draw(rows).startswith(b"\x89PNG")
