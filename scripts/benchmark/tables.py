"""docs/speed.json as tables in docs/speed.md, between two marks; the prose around them is written by hand."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmark.measure import ARMS
from benchmark.probe import fastest
from benchmark.rounds import Entry
from dl_runner.errors import UserError
from dl_runner.runtime.files import read_json, to_json, write_atomic

BEGIN, END = "<!-- tables: written by scripts/bench.py -->", "<!-- end of the tables -->"
HEAD = """| arm | rounds | examples/s | dlrun ÷ arm | test accuracy | to first step, s | whole process, s | peak MiB |
|---|---|---|---|---|---|---|---|"""


class Book:
    """The results so far.

    Args:
        folder: of speed.json and speed.md; the latter holds the two marks.

    Raises:
        UserError: speed.json is damaged, or speed.md lacks the marks.
    """

    def __init__(self, folder: Path) -> None:
        self.results, self.page = folder / "speed.json", folder / "speed.md"
        self.known: dict[str, list[Entry]] = {"speed": [], "accuracy": []}
        if self.results.exists():
            self.known |= read_json(self.results)
        self._around()

    def add(self, kind: str, entry: Entry) -> None:
        """Keep an entry of "speed" or "accuracy" in place of the earlier one of that case on that hardware."""
        same = ("case", "hardware")
        others = [one for one in self.known[kind] if any(one[key] != entry[key] for key in same)]
        self.known[kind] = [*others, entry]
        write_atomic(self.results, to_json(self.known, indent=1) + "\n")
        self.write()

    def write(self) -> None:
        """Draw the tables anew."""
        before, after = self._around()
        tables = [speed_table(entry) for entry in self.known["speed"]]
        accuracies = self.known["accuracy"]
        text = "\n\n".join([*tables, *([accuracy_table(accuracies)] if accuracies else [])])
        write_atomic(self.page, f"{before}{BEGIN}\n\n{text or 'Nothing has been measured yet.'}\n\n{END}{after}")

    def _around(self) -> tuple[str, str]:
        text = self.page.read_text(encoding="utf-8") if self.page.exists() else f"{BEGIN}{END}\n"
        before, begin, rest = text.partition(BEGIN)
        _, end, after = rest.partition(END)
        if not (begin and end):
            raise UserError(f"{self.page}: lacks the lines {BEGIN} and {END}, between which the tables go")
        return before, after


def speed_table(entry: Entry) -> str:
    """One case: a table of the arms, where and how it was measured, and the probe of the bare loop."""
    lines = [f"### {entry['case']}", "", _conditions(entry), "", HEAD]
    lines += [_arm_row(entry, arm) for arm in ARMS if arm in entry["errors"] or _values(entry, arm, "seconds")]
    if entry["probe"]:
        chosen, in_fp32 = fastest(entry["probe"]), fastest(entry["probe"], fp32=True)
        lines += ["", "| variant of the bare loop, probed | examples/s | |", "|---|---|---|"]
        for one in entry["probe"]:
            marks = [word for word, best in (("best", chosen), ("best in fp32", in_fp32)) if one is best]
            rate = f"{one['examples_per_second']:,.0f}" if "examples_per_second" in one else one["error"]
            lines.append(f"| {variant(one['variant'])} | {rate} | {', '.join(marks)} |")
    return "\n".join(lines)


def accuracy_table(entries: Sequence[Entry]) -> str:
    """Final test accuracies of dlrun and of the plain fp32 loop, over seeds."""
    lines = [
        "### Accuracy of the fast path",
        "",
        "| model | seeds | epochs | dlrun, % | plain fp32 loop, % | difference, points | hardware | dlrun in |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for entry in entries:
        ours, plain = ([100 * value for value in _values(entry, arm, "test/accuracy")] for arm in ("dlrun", "bare"))
        difference = f"{statistics.fmean(ours) - statistics.fmean(plain):+.2f}" if ours and plain else _errors(entry)
        precision = next(iter(_values(entry, "dlrun", "precision")), "")
        cells = [entry["case"], str(len(entry["rounds"])), str(entry["epochs"]), spread(ours), spread(plain)]
        lines.append(f"| {' | '.join([*cells, difference, entry['hardware'], precision])} |")
    commands = dict.fromkeys(f"`{entry['command']}`" for entry in entries)
    return "\n".join([*lines, "", f"Mean ± standard deviation over the seeds; {', '.join(commands)}."])


def ratios(entry: Entry, arm: str) -> list[float]:
    """dlrun's examples per second over the arm's, round by round."""
    rates = [
        [figures.get(name, {}).get("examples_per_second") for name in ("dlrun", arm)] for figures in entry["rounds"]
    ]
    return [ours / other for ours, other in rates if ours and other]


def quartiles(values: Sequence[float], write: Callable[[float], str]) -> str:
    """Median [first quartile, third quartile]; a single value stands alone."""
    if len(values) < 2:
        return "".join(write(value) for value in values)
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{write(middle)} [{write(low)}, {write(high)}]"


def spread(values: Sequence[float]) -> str:
    """Mean ± sample standard deviation; nothing for no values."""
    if len(values) < 2:
        return "".join(f"{value:.2f}" for value in values)
    return f"{statistics.fmean(values):.2f} ± {statistics.stdev(values):.2f}"


def variant(chosen: dict) -> str:
    """A variant of the bare loop in words."""
    layout = "channels_last" if chosen["channels_last"] else "contiguous"
    threads = f"{chosen['threads']} thread{'' if chosen['threads'] == 1 else 's'}"
    return f"{chosen['precision']}, {layout}, {chosen['data']} data, {chosen['optimizer']} SGD, {threads}"


def _arm_row(entry: Entry, arm: str) -> str:
    cells = [
        str(len(_values(entry, arm, "seconds"))),
        quartiles(
            _values(entry, arm, "examples_per_second"), lambda rate: f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"
        ),
        _median(ratios(entry, arm), "{:.2f}") if arm != "dlrun" else "",
        _median(_values(entry, arm, "test/accuracy"), "{:.4f}"),
        _median(_values(entry, arm, "to_first_step"), "{:.1f}"),
        _median(_values(entry, arm, "seconds"), "{:.1f}"),
        _median(_values(entry, arm, "peak_mib"), "{:,.0f}"),
    ]
    if arm in entry["errors"]:
        cells[1] = f"{cells[1]} failed: {entry['errors'][arm]}".strip().replace("|", "\\|")
    return f"| {arm} | {' | '.join(cells)} |"


def _conditions(entry: Entry) -> str:
    found = ", ".join(f"{name} {version}" for name, version in entry["versions"].items() if version)
    limit = f", OMP_NUM_THREADS={entry['threads']}" if entry["threads"] else ""
    cores = "" if "cores of" in entry["hardware"] else f", {entry['cores']} cores"
    commit = entry["commit"]
    at = f", commit {commit['commit'][:9]}{' with changes' if commit['dirty'] else ''}" if commit else ""
    precision = next(iter(_values(entry, "dlrun", "precision")), None)
    return (
        f"{entry['image_size']} pixels, batches of {entry['batch_size']}; {entry['train']:,} training and "
        f"{entry['test']:,} test images, {entry['epochs']} epochs, the first not timed"
        f"{f'; dlrun in {precision}' if precision else ''}. "
        f"{entry['hardware']}{cores}{limit}; load average {entry['load_before']} before the first model and "
        f"{entry['load_after']} after this one; {found}{at}; {entry['date']}; `{entry['command']}`."
    )


def _values(entry: Entry, arm: str, name: str) -> list:
    return [figures[arm][name] for figures in entry["rounds"] if name in figures.get(arm, {})]


def _median(values: Iterable[float], shape: str) -> str:
    found = list(values)
    return shape.format(statistics.median(found)) if found else ""


def _errors(entry: Entry) -> str:
    return "; ".join(f"{arm} failed: {error}" for arm, error in entry["errors"].items())
