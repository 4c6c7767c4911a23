"""dlrun evaluate: a run's weights on a split of its data."""

import argparse
import sys

from dl_runner.cli.options import device_option, run_folder_of


def evaluate(argv: list[str]) -> None:
    """dlrun evaluate RUN: the metrics of a run's weights on a split."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--split", choices=["train", "validation", "test"], default="test")
        parser.add_argument("--weights", choices=["best", "last", "ema"], help="default: best if there are, else last")
        device_option(parser)

    given = run_folder_of("evaluate", "Measure a run's weights on a split of its data.", argv, more)
    from dl_runner.running.inference import evaluate_run

    weights, metrics, changed = evaluate_run(given.run, given.split, given.weights, given.device)
    print(weights)
    for change in changed:
        print(f"warning: {change}")
        if not sys.stdout.isatty():  # whoever reads the output later sees it, and so does whoever runs this
            print(f"dlrun: warning: {change}", file=sys.stderr)
    width = max(20, *map(len, metrics))
    for name, value in metrics.items():
        print(f"{name:<{width}} {value:.4f}")
