"""Every command line that a document shows is one that the program takes."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from documents import write_files
from helpers import QUIET

import dl_runner
from dl_runner.cli.verbs import VERBS
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.line import read_line
from dl_runner.config.stored import to_plain

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def shown(page: Path) -> list[list[str]]:
    """The arguments of each `dlrun` line of a page's code blocks, which may go on in the next line."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^    dlrun\b(?!:)(.*)$", text, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def of_one_job(arguments: list[str]) -> list[str]:
    """The overrides of a sweep's first job."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    found = []
    for text in arguments:
        override = OverridesParser.create().parse_override(text)
        if not override.is_sweep_override():
            found.append(text)
        elif override.is_choice_sweep() or override.is_range_sweep():
            found.append(f"{text.partition('=')[0]}={next(override.sweep_string_iterator())}")
    return found


RUNS = [
    pytest.param(arguments, id=f"{page.stem}: {' '.join(arguments)[:60]}")
    for page in PAGES
    for arguments in shown(page)
    if not (arguments and (arguments[0] in VERBS or "--config-dir" in arguments or "--cfg" in arguments))
]
VERB_LINES = [arguments for page in PAGES for arguments in shown(page) if arguments and arguments[0] in VERBS]


@pytest.mark.parametrize("arguments", RUNS)
def test_a_run_or_sweep_composes_and_passes_every_check_that_needs_no_data(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("houses.csv").touch()
    for run in ("RUN", "outputs/fashion_mnist/resnet18/TIME"):
        weights = Path(run, "checkpoints", "best.safetensors")
        weights.parent.mkdir(parents=True)
        weights.touch()
    arguments = [text.replace("$HOME/", "") for text in arguments]
    line = read_line(arguments)
    overrides = [one for one in line.overrides if not one.startswith(("hydra", "sweep"))]
    check_config(to_plain(compose(of_one_job(overrides) if line.multirun else overrides)))


@pytest.mark.parametrize("verb", sorted({arguments[0] for arguments in VERB_LINES}))
def test_a_verb_has_the_options_that_documents_give_it(verb, capsys):
    """The tasks' own options, of `predict`, are held by the tests of the tasks."""
    with pytest.raises(SystemExit):
        VERBS[verb](["--help"])
    told = capsys.readouterr().out
    for arguments in VERB_LINES:
        if arguments[0] == verb != "predict":
            assert all(option in told for option in arguments[1:] if option.startswith("--"))


def test_the_way_from_a_notebook_to_a_sweep_can_be_gone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    write_files("notebook_to_sweep.md", tmp_path)
    options = ["trainer.epochs=1", "data.limit=64", f"outputs={tmp_path / 'outputs'}", *QUIET]
    run = dl_runner.run("experiment=tanh", "model.hidden=8", *options, config_dir="my_conf")
    assert run.config["model"] == {"name": "tanh_net", "hidden": 8} and run.config["optimizer"]["lr"] == 0.003
    sys.modules.pop("tanh_net")
