"""The measurements of one case: arms in alternation, each in a fresh process."""

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmark import cases
from benchmark.arms.job import Job
from benchmark.cases import Case
from benchmark.environment import Environment
from benchmark.measure import measure
from benchmark.probe import Probe, fastest, plain, probe
from benchmark.process import ArmFailed
from dl_runner.tracking.provenance import checkout, versions

Entry = dict[str, Any]  # of docs/speed.json


def speed(name: str, case: Case, arms: Sequence[str], here: Environment, command: str) -> Entry:
    """Every arm of a case, round after round, after a probe of the bare loop's variants.

    Raises:
        UserError: the data are not there.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        counts = cases.cut(cases.data_root(), root, case.train, case.test)
        job = cases.job(case, root, Path(folder), epochs=case.epochs)
        entry = _entry(name, here, command, job, counts)
        tried, errors = [], {}
        try:
            tried = _probe(case, here, Path(folder)) if "bare" in arms else []
        except ArmFailed as error:
            errors["bare"] = str(error)
        variant = fastest(tried)["variant"] if tried else {}
        jobs = [replace(job, variant=variant)] * case.rounds
        return entry | {"probe": tried, "variant": variant} | _alternate(arms, jobs, counts["train"], errors)


def accuracy(name: str, case: Case, seeds: int, epochs: int | None, here: Environment, command: str) -> Entry:
    """dlrun at its default device settings and the plain fp32 loop, once for each seed, to the experiment's end.

    Args:
        epochs: None for the experiment's own number.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        counts = cases.cut(cases.data_root(), root, case.train, case.test)
        length = epochs or cases.settings(case)["trainer"]["epochs"]
        jobs = [cases.job(case, root, Path(folder), epochs=length, seed=seed) for seed in range(seeds)]
        entry = _entry(name, here, command, jobs[0], counts)
        jobs = [replace(job, variant=plain(here)) for job in jobs]
        return entry | _alternate(("bare", "dlrun"), jobs, counts["train"], {})


def _entry(name: str, here: Environment, command: str, job: Job, counts: dict[str, int]) -> Entry:
    return {
        "case": name,
        "hardware": here.hardware,
        "cores": here.cores,
        "load_before": round(here.load, 2),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "versions": versions() | _lightning(),
        "commit": checkout(Path(__file__).parent),
        "command": command,
        "image_size": job.image_size or 28,
        "batch_size": job.batch_size,
        "epochs": job.epochs,
        **counts,
    }


def _lightning() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {"lightning": version("lightning")}
    except PackageNotFoundError:
        return {}


def _probe(case: Case, here: Environment, folder: Path) -> list[Probe]:
    root = folder / "probe"
    count = cases.cut(cases.data_root(), root, min(case.probe, case.train), min(case.test, case.probe))["train"]
    job = cases.job(case, root, folder, epochs=2)

    def run(variant: dict, timeout: float | None) -> dict:
        _say(f"  probe {', '.join(f'{key} {value}' for key, value in variant.items())}")
        return measure("bare", replace(job, variant=variant), count, timeout)

    return probe(run, here)


def _alternate(arms: Iterable[str], jobs: Sequence[Job], examples: int, failed: Mapping[str, str]) -> Entry:
    """One round per job; each begins with another arm. An arm that has failed is not started again."""
    rounds, errors = [], dict(failed)
    arms = list(arms)
    for number, job in enumerate(jobs):
        turn = number % len(arms)
        figures = {}
        for arm in arms[turn:] + arms[:turn]:
            if arm in errors:
                continue
            try:
                figures[arm] = measure(arm, job, examples)
                _say(f"  round {number + 1}: {arm} {figures[arm]['examples_per_second']:,.0f} examples/s")
            except ArmFailed as error:
                errors[arm] = str(error)
                _say(f"  round {number + 1}: {arm} failed: {error}")
        rounds.append({arm: figures[arm] for arm in arms if arm in figures})
    return {"load_after": round(os.getloadavg()[0], 2), "rounds": rounds, "errors": errors}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
