"""Run the notes' experiments over several seeds and write the table that sets our results beside theirs.

    python scripts/reproduce.py                          # those that take minutes on two cores
    python scripts/reproduce.py lenet bn_lenet --seeds 5
    python scripts/reproduce.py vgg nin --smoke 2000     # the first 2,000 examples, one epoch: does it work at all
    python scripts/reproduce.py --table-only             # write the table anew from the results there are

Stopped at any moment and started again, it goes on where it was: completed runs are kept in outputs/reproduce, an
interrupted one is resumed. Results are added to docs/results.json, and docs/results.md is drawn from that, so that a
table may hold results of several machines; what has not been run stays empty.
"""

import argparse
import functools
import shlex
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.schema import Config
from dl_runner.config.search_path import choices
from dl_runner.config.stored import to_plain
from dl_runner.errors import RunFailed, UserError
from dl_runner.running.launch import finish
from dl_runner.runtime.files import read_json, to_json, write_atomic
from dl_runner.tracking.metrics_file import METRICS, read_metrics
from hardware import hardware

ROOT = Path(__file__).parents[1]
MINUTES = [
    *("linear_regression", "linear_regression_b", "linear_regression_b_scratch"),
    "house_prices",
    *("softmax", "mlp", "dropout_mlp", "lenet", "bn_lenet", "lenet_parallel"),
]
INTRODUCTION = """# The notes' results, and ours

Written by `python scripts/reproduce.py`; the raw figures are in `results.json`. Ours: mean ± standard deviation over
the seeds (their number in brackets), at the notes' own settings, validation off and the test set looked at every
epoch as the notes did. *Best test* is the best epoch's, the other figures are the last epoch's. Examples per second
are training examples over the whole run's time, with evaluation, logging and checkpoints, on the hardware named; the
notes' are those of their training loop on one RTX-3080-class GPU. An empty cell has not been measured. *Smoke* rows
ran one epoch on few examples, to show that the experiment works; their accuracies mean nothing.

| experiment | | loss | train acc. | test acc. | best test | examples/s | hardware |
|---|---|---|---|---|---|---|---|"""
SPLITS = ("train", "validation", "test")
TEXTS = """
## Language models

Perplexities per character, or per word for ptb: the training part's of the last epoch, the held-out parts' of the best
one. Tokens per second are over the whole run's time; the notes' are those of their training loop.

| experiment | | train perplexity | validation perplexity | test perplexity | tokens/s | hardware |
|---|---|---|---|---|---|---|"""
TRANSLATIONS = """
## Translation

Losses per token that is no padding. Each place reads the true tokens before it, in our perplexities always; the notes'
of Multi30k's seq2seq and bahdanau are those of a decoder that reads its own. BLEU is sacrebleu's of lower-case text,
by greedy search. Speeds are sentences per second over the whole run's time.

| experiment | | train loss | validation loss | test perplexity | test BLEU | sentences/s | hardware |
|---|---|---|---|---|---|---|---|"""
TABLES = """
## Tables

Root mean squared errors of the logarithm of the price, means over five folds, the last epoch's; statistics of the
columns come from each fold's training part alone. A seed is another cut into folds.

| experiment | | train log rmse | validation log rmse | examples/s | hardware |
|---|---|---|---|---|---|"""


class Section(NamedTuple):
    """A part of the page.

    Args:
        head: what comes before its rows.
        shown: the metrics, in the order of the columns.
        unit: the speed's, "examples" or "tokens".
        best: whether there is a column for the best test accuracy.
    """

    head: str
    shown: tuple[str, ...]
    unit: str = "examples"
    best: bool = False


SECTIONS = {
    "classes": Section(INTRODUCTION, ("train/loss", "train/accuracy", "test/accuracy"), best=True),
    "texts": Section(TEXTS, ("train/perplexity", "validation/perplexity", "test/perplexity"), "tokens"),
    "translations": Section(TRANSLATIONS, ("train/loss", "validation/loss", "test/perplexity", "test/bleu")),
    "tables": Section(TABLES, ("train/log_rmse", "validation/log_rmse")),
}


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(argv)
    results = given.docs / "results.json"
    known = read_json(results) if results.exists() else []
    if not given.table_only:
        for name in given.experiments or MINUTES:
            for seed in range(given.seeds):
                result = reproduce(name, seed, given.smoke, given.overrides, given.outputs)
                same = ("experiment", "seed", "smoke", "hardware", "overrides")
                known = [one for one in known if any(one[key] != result[key] for key in same)] + [result]
                write_atomic(results, to_json(known, indent=1) + "\n")
                write_atomic(given.docs / "results.md", table(known))
    write_atomic(given.docs / "results.md", table(known))


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    names = [name.removeprefix("notes/") for name in choices("experiment") if name.startswith("notes/")]
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=f"of {', '.join(names)}")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 to N-1 (default 3)")
    parser.add_argument("--smoke", type=int, metavar="N", help="one epoch on the first N examples, labelled so")
    parser.add_argument(
        "--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE", help="as for dlrun"
    )
    parser.add_argument("--outputs", type=Path, default=ROOT / "outputs" / "reproduce", help="where the runs are kept")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where the table is written")
    parser.add_argument("--table-only", action="store_true", help="run nothing")
    given = parser.parse_args(argv)
    for name in given.experiments:
        if name not in names:
            parser.error(f"{name}: no such experiment of the notes; choose of {', '.join(names)}")
    return given


def reproduce(name: str, seed: int, smoke: int | None, overrides: list[str], outputs: Path) -> dict:
    """One run to its end, as a plain dict for docs/results.json."""
    options = [f"experiment=notes/{name}", f"seed={seed}", *overrides]
    if smoke:
        options += [f"data.limit={smoke}", "trainer.epochs=1", "trainer.evaluate_batches=4"]
    checked = check_config(to_plain(compose(options)))
    label = "_".join([f"seed_{seed}", *([f"smoke_{smoke}"] if smoke else []), *overrides]).replace("/", "_")
    folder, folds = outputs / name / label, checked.data.folds
    if folds:
        command = f"dlrun -m {shlex.join(options)} data.fold={','.join(map(str, range(folds)))}"
    else:
        command = f"dlrun {shlex.join(options)}"
    print(f"== {command}", flush=True)
    folders = [folder / f"fold_{fold}" for fold in range(folds)] if folds else [folder]
    records = [finish(_of_fold(options, fold) if folds else checked, folder) for fold, folder in enumerate(folders)]
    record, metrics = records[0], means([one["metrics"] for one in records])
    rows = [row for folder in folders for row in read_metrics(folder / METRICS) if "test/loss" in row]
    accuracies = [float(row["test/accuracy"]) for row in rows if "test/accuracy" in row]
    trained = sum(one["step"] for one in records) * checked.data.batch_size
    seconds = sum(one["seconds"] for one in records) if all(one["seconds"] for one in records) else None
    resumed = any(one["resumed"] for one in records)
    return {
        "experiment": name,
        "seed": seed,
        "smoke": smoke,
        "overrides": [override for override in overrides if not override.startswith("tracker.")],
        "metrics": {key: value for key, value in metrics.items() if key.split("/")[0] in SPLITS},
        "best_test_accuracy": max(accuracies, default=None),
        "examples_per_second": None if resumed else round(trained / seconds, 1),
        "window": checked.data.arguments.get("steps", 1),  # targets of an example
        "seconds": seconds,
        "hardware": hardware(record["device"], record["host"]["cores"], record["versions"]["torch"]),
        "precision": record["precision"],
        "commit": (record["git"] or {}).get("commit"),
        "command": command,
    }


def _of_fold(options: list[str], fold: int) -> Config:
    return check_config(to_plain(compose([*options, f"data.fold={fold}"])))


def means(found: list[Mapping[str, float]]) -> dict[str, float]:
    """Of each metric, the mean over the folds."""
    return {key: statistics.fmean(one[key] for one in found) for key in found[0]}


def table(results: list[dict]) -> str:
    """docs/results.md, from all results so far."""
    names = [choice.removeprefix("notes/") for choice in choices("experiment") if choice.startswith("notes/")]
    lines = []
    for kind, section in SECTIONS.items():
        lines.append(section.head)
        for name in names:
            if section_of(name) == kind:
                lines += rows(name, expected(name), results, section)
    return "\n".join(lines) + "\n"


def section_of(experiment: str) -> str:
    """The key of the section for an experiment of the notes, by what its data are."""
    data = settings(experiment)["data"]
    if "batching" in data:
        return "translations"
    if "sampling" in data:
        return "texts"
    return "tables" if SECTIONS["tables"].shown[1] in expected(experiment) else "classes"


def rows(name: str, notes: Mapping[str, float], results: list[dict], section: Section) -> list[str]:
    """What the notes report of an experiment, and ours, a row for each kind of machine and run."""
    shown, gap = section.shown, [""] if section.best else []
    reported = [*(cell(notes.get(key)) for key in shown), *gap, speed(notes.get(f"train/{section.unit}_per_second"))]
    lines = [row(name, "notes", [*reported, ""])]
    ours = [one for one in results if one["experiment"] == name]
    kinds = sorted({(one["smoke"] or 0, one["hardware"], one["precision"], *one["overrides"]) for one in ours})
    for smoke, where, precision, *overrides in kinds:
        same = [
            one
            for one in ours
            if (one["smoke"] or 0, one["hardware"], one["precision"], *one["overrides"])
            == (smoke, where, precision, *overrides)
        ]
        label = f"smoke, {smoke:,} examples" if smoke else f"ours ({len(same)})"
        cells = [spread(one["metrics"].get(key) for one in same) for key in shown]
        if section.best:
            cells.append(spread(one["best_test_accuracy"] for one in same))
        rates = [one["examples_per_second"] * one.get("window", 1) for one in same if one["examples_per_second"]]
        rate = speed(statistics.median(rates)) if rates else ""
        lines.append(row("", label, [*cells, rate, ", ".join([where, precision, *overrides])]))
    return lines if ours else [*lines, row("", "ours", [""] * (len(shown) + len(gap) + 2))]


@functools.cache
def settings(experiment: str) -> Mapping[str, Any]:
    """An experiment of the notes in full; kept, as the table is written anew after every run."""
    return to_plain(compose([f"experiment=notes/{experiment}"]))


def expected(experiment: str) -> Mapping[str, float]:
    """What the notes report."""
    return settings(experiment)["expected"] or {}


def row(name: str, who: str, cells: list[str]) -> str:
    return f"| {name} | {who} | {' | '.join(cells)} |"


def cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def speed(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def spread(values: Iterable[float | None]) -> str:
    """Mean ± sample standard deviation of what there is."""
    found = [value for value in values if value is not None]
    if not found:
        return ""
    mean = statistics.fmean(found)
    return f"{mean:.4g} ± {statistics.stdev(found):.2g}" if len(found) > 1 else f"{mean:.4g}"


if __name__ == "__main__":
    try:
        main()
    except (UserError, RunFailed) as error:
        print(f"reproduce: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UserError) else 1)
    except KeyboardInterrupt as stop:
        print(f"reproduce: {stop or 'stopped'}; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
