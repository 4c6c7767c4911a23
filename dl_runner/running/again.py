"""New runs made of an old one: continued with changes, or repeated."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from dl_runner.config.changes import changed
from dl_runner.config.overrides import key_of
from dl_runner.config.paths import shown
from dl_runner.config.schema import Config
from dl_runner.config.stored import load_run
from dl_runner.errors import UserError
from dl_runner.plugins import changed_code
from dl_runner.running.fitted import read_fitted
from dl_runner.running.launch import launch
from dl_runner.running.parent import Parent
from dl_runner.tracking.metrics_file import METRICS, read_metrics
from dl_runner.tracking.run_folder import RunRecord
from dl_runner.training.checkpoint import Checkpoints

_OF_THE_DATA = ("data", "tokenizer")
_CLOCKS = ("time", "_gib", "_per_second")  # ends of what differs from one moment to the next


def continue_run(folder: Path, overrides: Sequence[str], device: str | None = None) -> Path:
    """Train a new run that begins with the weights of another one's last checkpoint.

    Args:
        folder: of the other run, completed or not.
        overrides: KEY=VALUE or GROUP=CHOICE that differ in the new one.
        device: where to compute, if not where the other one did.

    Returns:
        The new run folder, in OUTPUTS/DATA/MODEL.

    Raises:
        UserError: a change that does not fit, no checkpoint, or weights that do not fit the model.
        RunFailed, Interrupted: as for `launch`.
    """

    def change(plain: dict[str, Any]) -> dict[str, Any]:
        begun = {**plain, "pretrained": {**(plain.get("pretrained") or {}), "from": None, "weights": None}}
        return changed(begun, overrides)

    before, checked = load_run(folder, device), load_run(folder, device, change=change)
    _no_lesson(folder, checked, "continue")
    same_data = not any(key_of(text).partition(".")[0] in _OF_THE_DATA for text in overrides)
    parent = Parent(folder, before.optimizer.builder_name, read_fitted(folder) if same_data else None)
    return launch(checked, _place(checked), _now(), parent=parent).record.folder


@dataclass(frozen=True)
class Repeated:
    """A run and its repetition.

    Args:
        folder: of the new one.
        differences: of weights and metrics, a line each; none if they are the same to the last bit.
        circumstances: what was different in how the two were made, a line each.
    """

    folder: Path
    differences: list[str]
    circumstances: list[str]


def repeat(folder: Path) -> Repeated:
    """Train a completed run once more, in a new folder, on the same kind of device, with its precision and threads, and
    compare the two.

    Raises:
        UserError: the run is not completed, began with another one's weights, or is a lesson; or its data or plugins
            are gone.
        RunFailed, Interrupted: as for `launch`.
    """
    old = RunRecord.load(folder)
    if old["status"] != "completed":
        go_on = shlex.join(["dlrun", "resume", str(folder)])
        raise UserError(f"repeat {folder}: is {old['status']}, so there is nothing to compare with; finish it: {go_on}")
    if old["parent"] is not None:
        again = shlex.join(["dlrun", "continue", old["parent"]["folder"]])
        raise UserError(f"repeat {folder}: began with the weights of another run; do again what made it: {again} …")
    checked = load_run(folder)
    _no_lesson(folder, checked, "repeat")
    new = launch(checked, _place(checked), _now()).record
    return Repeated(new.folder, list(_differences(old, new)), list(_circumstances(old, new)))


def _no_lesson(folder: Path, checked: Config, verb: str) -> None:
    if checked.lesson is not None:
        again = shlex.join(["dlrun", f"experiment=lessons/{checked.lesson.name}"])
        raise UserError(f"{verb} {folder}: is a lesson, whose trainings are in its arms; hold it again: {again}")


def _place(checked: Config) -> Path:
    return shown(checked.outputs) / checked.data.name / checked.model.name


def _now() -> str:
    return datetime.now().strftime("%Y-%m-%d_%H-%M-%S")


def _differences(old: RunRecord, new: RunRecord) -> Iterator[str]:
    for which in ("best", "last"):
        files = [Checkpoints(record.folder).weights(which) for record in (old, new)]
        if files[0].exists() != files[1].exists():
            yield f"{which}.safetensors: only one of the two has it"
        elif files[0].exists() and (names := _different_tensors(*files)):
            yield f"{which}.safetensors: {len(names)} tensors differ, such as {names[0]}"
    metrics = [_without_clocks(record["metrics"]) for record in (old, new)]
    for name in dict.fromkeys([*metrics[0], *metrics[1]]):
        before, now = metrics[0].get(name), metrics[1].get(name)
        if before != now and not (before != before and now != now):  # NaN both
            yield f"{name}: {before} then, {now} now"
    rows = [[_without_clocks(row) for row in read_metrics(record.folder / METRICS)] for record in (old, new)]
    if metrics[0] == metrics[1] and rows[0] != rows[1]:
        yield "metrics.jsonl: rows on the way differ"


def _different_tensors(first: Path, second: Path) -> list[str]:
    from safetensors.torch import load_file

    theirs, ours = load_file(str(first)), load_file(str(second))
    same = (name for name, one in theirs.items() if name in ours and one.shape == ours[name].shape)
    equal = {name for name in same if torch.equal(theirs[name], ours[name])}
    return sorted({*theirs, *ours} - equal)


def _without_clocks(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.endswith(_CLOCKS)}


def _circumstances(old: RunRecord, new: RunRecord) -> Iterator[str]:
    versions = [record["versions"] or {} for record in (old, new)]
    for name in dict.fromkeys([*versions[0], *versions[1]]):
        if versions[0].get(name) != versions[1].get(name):
            yield f"{name} {versions[0].get(name)} then, {versions[1].get(name)} now"
    for name in ("device", "precision", "memory_format", "compile", "threads", "parallel"):
        if old[name] != new[name]:
            yield f"{name} {old[name]} then, {new[name]} now"
    if any(entry.get("told") for entry in old["resumed"] or ()):
        yield "the old one was made longer on its way"
    if old["data_fingerprint"] and old["data_fingerprint"] != new["data_fingerprint"]:
        yield "the data are other ones"
    if change := changed_code({name: known["files"] for name, known in (old["plugins"] or {}).items()}):
        yield change
