"""The verbs of the command line. Imports no torch; a verb imports what it needs."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dl_runner.compose import choices, compose, describe, groups
from dl_runner.errors import UserError, hint

if TYPE_CHECKING:
    from dl_runner.build import Parts


def list_choices(argv: list[str]) -> None:
    """dlrun list [GROUP]: the config groups, or the choices of one."""
    parser = _parser("list", "Show the config groups, or the choices of one.")
    parser.add_argument("group", nargs="?", help="such as models, data, optimizer")
    parser.add_argument("--config-dir", type=Path, help="a folder of your own with more choices")
    given = parser.parse_args(argv)
    if given.group is None:
        width = max(map(len, groups()))
        for group in groups():
            print(f"{group:<{width}}  {', '.join(choices(group, given.config_dir))}")
        return
    # `list models` reads better than `list model`, and both work.
    group = next((name for name in groups() if given.group in (name, f"{name}s", f"{name[:-1]}es")), None)
    group = group or {"losses": "loss", "inits": "init"}.get(given.group)
    if group is None:
        raise UserError(f"list {given.group}: no such group{hint(given.group, groups())}")
    if given.config_dir and not given.config_dir.is_dir():
        raise UserError(f"--config-dir {given.config_dir}: no such folder")
    names = choices(group, given.config_dir)
    width = max(map(len, names))
    for name in names:
        print(f"{name:<{width}}  {describe(group, name)}".rstrip())


def summary(argv: list[str]) -> None:
    """dlrun summary KEY=VALUE…: the model's layers, the schedule's curve, a picture of what an augmentation does."""
    parser = _parser("summary", "Show the layers of the model that KEY=VALUE… would train.")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="as for a run")
    parser.add_argument(
        "--picture",
        type=Path,
        default=Path("augmented.png"),
        metavar="FILE",
        help="where augment=… draws augmented copies of training images (default ./augmented.png)",
    )
    parser.add_argument("--config-dir", type=Path, help="a folder of your own with more choices")
    given = parser.parse_intermixed_args(argv)
    from dl_runner import config

    checked = config.check(config.to_plain(compose(given.overrides, given.config_dir)))
    from rich.console import Console

    from dl_runner.report.curve import draw_rates
    from dl_runner.report.summary import render, summarize
    from dl_runner.run import fitting_parts

    parts = fitting_parts(checked)
    table = render(summarize(parts.model, parts.data.spec))
    table.title = f"{checked.model.name} on {checked.data.name}"
    Console().print(table)
    rates, per_epoch = _learning_rates(parts)
    if min(rates) != max(rates) or any(override.startswith("schedule") for override in given.overrides):
        print(draw_rates(rates, per_epoch))
    if parts.builders.augment and any(override.lstrip("+").startswith("augment") for override in given.overrides):
        _draw_augmented(parts, given.picture)


def _learning_rates(parts: "Parts") -> tuple[list[float], int]:
    """The rate of each step, as far as the schedule knows it beforehand, and the steps per epoch."""
    from dl_runner.build import build_horizon

    horizon = build_horizon(parts.config, parts.data)
    schedule, rate = parts.builders.schedule(horizon), parts.config.optimizer.arguments.get("lr", 1.0)
    return [rate * schedule(step) for step in range(horizon.steps)], horizon.steps_per_epoch


def _draw_augmented(parts: "Parts", path: Path) -> None:
    from dl_runner.report.augmentation import augmented_copies
    from dl_runner.report.pictures import save_png

    save_png(augmented_copies(parts.data.train, parts.data.spec, parts.builders.augment, parts.config.seed), path)
    print(f"augmented copies of training images: {path}")


def resume(argv: list[str]) -> None:
    """dlrun resume RUN: go on with a run that was interrupted, killed or failed."""

    def more(parser: argparse.ArgumentParser) -> None:
        _device_option(parser)
        parser.add_argument("--parallel", metavar="NAME", help="share it out in another way, such as none, ddp or fsdp")
        parser.add_argument("--devices", type=int, metavar="N", help="over so many devices")

    given = _run_folder("resume", "Go on with a run from its last checkpoint.", argv, more)
    folder = given.run
    changed = {"name": given.parallel, "devices": given.devices}
    parallel = {key: value for key, value in changed.items() if value is not None}
    if given.parallel in ("none", "data_parallel") and given.devices is None:
        parallel["devices"] = None
    from dl_runner import config
    from dl_runner.tracking.run_folder import RunRecord

    if RunRecord.load(folder)["status"] == "completed":
        print(f"{folder}: already completed; nothing to do")
        return
    if config.load_run(folder).lesson is not None:
        from dl_runner.lessons.study import go_on

        go_on(folder)
    else:
        from dl_runner.run import resume as go_on_training

        go_on_training(folder, device=given.device, parallel=parallel)


def evaluate(argv: list[str]) -> None:
    """dlrun evaluate RUN: the metrics of a run's weights on a split."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--split", choices=["train", "validation", "test"], default="test")
        parser.add_argument("--weights", choices=["best", "last"], help="default: best if there are, else last")
        _device_option(parser)

    given = _run_folder("evaluate", "Measure a run's weights on a split of its data.", argv, more)
    from dl_runner.inference import evaluate_run

    weights, metrics = evaluate_run(given.run, given.split, given.weights, given.device)
    print(weights)
    for name, value in metrics.items():
        print(f"{name:<20} {value:.4f}")


def predict(argv: list[str]) -> None:
    """dlrun predict RUN IMAGE…: the most probable classes of your own pictures."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="picture files")
        parser.add_argument("--top", type=int, default=3, metavar="K", help="classes per picture (default 3)")
        parser.add_argument("--weights", choices=["best", "last"], help="default: best if there are, else last")
        parser.add_argument("--invert", action="store_true", help="for dark-on-light pictures of light-on-dark data")

    given = _run_folder("predict", "Name the classes of your own pictures.", argv, more)
    if given.top < 1:
        raise UserError(f"--top {given.top}: expected a whole number at least 1")
    from rich.console import Console

    from dl_runner.inference import predict_images
    from dl_runner.report.predictions import render

    Console().print(
        render(given.images, predict_images(given.run, given.images, given.top, given.weights, given.invert))
    )


def compare(argv: list[str]) -> None:
    """dlrun compare [DIR…]: a table of runs, their learning curves, and what the hyperparameters do."""
    from dl_runner.report.compare import command

    parser = _parser("compare", "Set runs side by side: what they differ in, and how they went.")
    command.add_options(parser)
    command.compare(parser.parse_intermixed_args(command.join_sort(argv)))


def tensorboard(argv: list[str]) -> None:
    """dlrun tensorboard [DIR]: TensorBoard over a folder of runs; further options are TensorBoard's own."""
    parser = _parser("tensorboard", "Open TensorBoard over a folder of runs; other options are TensorBoard's own.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(os.environ.get("DLRUN_OUTPUT_DIR", "outputs")))
    # The folder comes first: after it, the value of an option of TensorBoard's would be taken for one.
    cut = 1 if argv and (not argv[0].startswith("-") or argv[0] in ("-h", "--help")) else 0
    given, options = parser.parse_args(argv[:cut]), argv[cut:]
    if not given.folder.is_dir():
        raise UserError(f"{given.folder}: no such folder; start a run first, or name the folder that holds the runs")
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(given.folder), *options]
    sys.stdout.flush()
    os.execv(sys.executable, command)


VERBS: dict[str, Callable[[list[str]], None]] = {
    "list": list_choices,
    "summary": summary,
    "resume": resume,
    "evaluate": evaluate,
    "predict": predict,
    "compare": compare,
    "tensorboard": tensorboard,
}


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
  --config-dir DIR      a folder of your own with more choices
  -sc install=bash      tab completion: eval "$(dlrun -sc install=bash)"; also zsh, fish
  --hydra-help          Hydra's own options
  --version"""


def _parser(verb: str, purpose: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"dlrun {verb}", description=purpose, allow_abbrev=False)


def _device_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", help="compute here and not where the run did, such as cpu or cuda:1")


def _run_folder(
    verb: str, purpose: str, argv: list[str], more: Callable[[argparse.ArgumentParser], None] | None = None
) -> argparse.Namespace:
    """The parsed arguments of a verb whose first one is a run folder.

    Raises:
        UserError: it is none.
    """
    parser = _parser(verb, purpose)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, such as outputs/digits/lenet/TIME")
    if more:
        more(parser)
    given = parser.parse_intermixed_args(argv)
    if not (given.run / "run.json").is_file():
        raise UserError(f"{given.run}: no run folder, it has no run.json; `ls outputs/*/*` shows yours")
    return given
