"""The verbs of the command line, and the help that lists them. Imports no torch; a verb imports what it needs."""

import re
from collections.abc import Callable, Sequence

from dl_runner.cli.check import check
from dl_runner.cli.compare import compare
from dl_runner.cli.continue_run import continue_run
from dl_runner.cli.evaluate import evaluate
from dl_runner.cli.list import list_choices
from dl_runner.cli.new import new
from dl_runner.cli.predict import predict
from dl_runner.cli.repeat import repeat
from dl_runner.cli.resume import resume
from dl_runner.cli.summary import summary
from dl_runner.cli.tensorboard import tensorboard
from dl_runner.config.search_path import groups
from dl_runner.errors import UserError

VERBS: dict[str, Callable[[list[str]], None]] = {
    "list": list_choices,
    "summary": summary,
    "check": check,
    "resume": resume,
    "continue": continue_run,
    "repeat": repeat,
    "evaluate": evaluate,
    "predict": predict,
    "compare": compare,
    "tensorboard": tensorboard,
    "new": new,
}

COMPOSING = ("summary", "check")  # which take KEY=VALUE as a run does

_OPTIONS_WITH_VALUE = (
    *("--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp", "--package", "-p", "--cfg", "-c"),
)
_OPTIONS_WITHOUT = ("--multirun", "--run", "--resolve")


def find(argv: Sequence[str]) -> tuple[str, list[str]] | None:
    """The verb of a command line, before which options may stand, and its arguments; None for a Hydra command line.

    Raises:
        UserError: an argument of the verb is empty.
    """
    place, after_option = 0, False  # the verb decides whether an option has a value; a word behind it may be one
    while place < len(argv) and argv[place] not in VERBS:
        word = argv[place]
        if not word.startswith("-") and not after_option:
            return None
        place += 2 if word in _OPTIONS_WITH_VALUE else 1
        after_option = word.startswith("--") and "=" not in word and word not in _OPTIONS_WITHOUT + _OPTIONS_WITH_VALUE
    if place >= len(argv):
        return None
    arguments = [*argv[:place], *argv[place + 1 :]]
    for one in arguments:
        if not one or re.fullmatch(r"--[\w-]+=", one):
            what = f"{one} is empty" if one else "an empty argument"
            raise UserError(f"{argv[place]}: {what}; write what it shall be, or leave it out")
    return argv[place], arguments


def help_text() -> str:
    """What `dlrun --help` prints."""
    verbs = "\n".join(
        f"  {(verb.__doc__ or '').splitlines()[0].replace(': ', chr(10) + ' ' * 10, 1)}" for verb in VERBS.values()
    )
    return f"""dlrun: deep-learning experiments from one command line

  dlrun [KEY=VALUE …]
          train the default, LeNet on handwritten digits, with any part of it changed
  dlrun -m KEY=A,B …
          train every combination; with sweep.name=NAME the same command goes on where it stopped
{verbs}

Examples
  dlrun model=resnet18 data=fashion_mnist
  dlrun -m model=mlp,lenet optimizer.lr=0.1,0.05
  dlrun experiment=notes/lenet
  dlrun debug=overfit model=mlp

Groups (dlrun list GROUP shows the choices)
  {", ".join(groups())}

Options
  --cfg job             show the config that would run
  --config-dir DIR      a folder of your own with more choices, which come first
  -sc install=bash      tab completion: eval "$(dlrun -sc install=bash)"; also zsh, fish
  --hydra-help          Hydra's own options
  --version"""
