"""dlrun summary: what a command line would train, without training it."""

from pathlib import Path
from typing import TYPE_CHECKING

from dl_runner.cli.options import composed, parser_of

if TYPE_CHECKING:
    from dl_runner.build.experiment import Experiment


def summary(argv: list[str]) -> None:
    """dlrun summary KEY=VALUE…: the model's layers, the schedule's curve, a picture of what an augmentation does."""
    parser = parser_of(
        "summary", "Show the layers of the model that KEY=VALUE… would train.", composes=True, settings=True
    )
    parser.add_argument(
        "--picture",
        type=Path,
        default=Path("augmented.png"),
        metavar="FILE",
        help="where augment=… draws augmented copies of training images (default ./augmented.png)",
    )
    given = parser.parse_intermixed_args(argv)
    checked = composed(given)
    from dl_runner.build.fit import checked_experiment
    from dl_runner.report.columns import columns_in_words
    from dl_runner.report.curve import draw_rates
    from dl_runner.report.summary import render, summarize
    from dl_runner.report.tokens import tokens_in_words
    from dl_runner.tracking.console import Terminal

    experiment = checked_experiment(checked)
    table = render(summarize(experiment.model, experiment.spec))
    table.title = f"{checked.model.name} on {checked.data.name}"
    Terminal().print(table)
    reads = experiment.spec.inputs
    for told in filter(None, (columns_in_words(reads), tokens_in_words(reads), *experiment.data.notes)):
        print(told)
    rates, per_epoch = _learning_rates(experiment)
    if min(rates) != max(rates) or any(override.startswith("schedule") for override in given.overrides):
        print(draw_rates(rates, per_epoch))
    if experiment.builders.augment and any(override.lstrip("+").startswith("augment") for override in given.overrides):
        _draw_augmented(experiment, given.picture)


def _learning_rates(experiment: "Experiment") -> tuple[list[float], int]:
    """The rate of each step, as far as the schedule knows it beforehand, and the steps per epoch."""
    from dl_runner.build.experiment import build_horizon

    horizon = build_horizon(experiment.config, experiment.data)
    schedule, rate = experiment.builders.schedule(horizon), experiment.config.optimizer.arguments.get("lr", 1.0)
    return [rate * schedule(step) for step in range(horizon.steps)], horizon.steps_per_epoch


def _draw_augmented(experiment: "Experiment", path: Path) -> None:
    from dl_runner.report.augmentation import augmented_copies
    from dl_runner.report.pictures import save_png

    save_png(
        augmented_copies(experiment.data.train, experiment.spec, experiment.builders.augment, experiment.config.seed),
        path,
    )
    print(f"augmented copies of training images: {path}")
