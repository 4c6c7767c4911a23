"""What a run says of itself before its first step."""

import platform
from pathlib import Path
from typing import Any

import torch

from dl_runner.build.experiment import Experiment
from dl_runner.data.dataset import Data
from dl_runner.data.picture_files import left_out_notes, listed
from dl_runner.report.columns import columns_in_words
from dl_runner.runtime.cores import allowed_cores
from dl_runner.runtime.settings import DeviceSettings
from dl_runner.spec import Columns, Fields, Kind, Tokens
from dl_runner.tracking.run_folder import RECORD, RunRecord
from dl_runner.tracking.tracker import RunInfo
from dl_runner.training.training import Training

MOST_CLASSES = 6  # whose counts a header shows one by one


def run_info(experiment: Experiment, training: Training, folder: Path, job: str | None, first_step: int) -> RunInfo:
    """What the trackers may know of a run.

    Args:
        folder: the run folder.
        job: what a sweep varies in this run.
        first_step: steps already done.
    """
    tested = experiment.config.trainer.test != "never" and experiment.data.test is not None
    splits = dict.fromkeys(["train", *training.evaluator.loaders, *(["test"] if tested else [])])
    # The loss first: it is what every task has.
    metrics = sorted(training.task.metrics, key=lambda metric: metric.name != "loss")
    return RunInfo(
        folder=folder,
        config=experiment.config.plain,
        header=_header(experiment, training, folder, job),
        steps=training.horizon.steps,
        steps_per_epoch=training.horizon.steps_per_epoch,
        first_step=first_step,
        metric_names=tuple(f"{split}/{metric.name}" for split in splits for metric in metrics),
        details=frozenset(metric.name for metric in metrics if metric.detail),
        fractions=frozenset(metric.name for metric in metrics if metric.format == "fraction"),
    )


def _header(experiment: Experiment, training: Training, folder: Path, job: str | None) -> dict[str, str]:
    checked, spec, horizon = experiment.config, experiment.spec, training.horizon
    sizes = {split: getattr(experiment.data, split) for split in ("train", "validation", "test")}
    counted = ", ".join(f"{len(found):,} {split}" for split, found in sizes.items() if found is not None)
    rate = checked.optimizer.arguments.get("lr")
    epochs = horizon.steps / horizon.steps_per_epoch
    header: dict[str, Any] = {
        "job": job,
        "data": f"{checked.data.name}: {counted}; {_kind(spec.inputs)}{_targets(spec.targets)}",
        "columns": columns_in_words(spec.inputs, 8),
        "classes": _class_counts(experiment),
        "notes": "; ".join(_notes(experiment.data)),
        "model": f"{checked.model.name}, {experiment.parameters:,} parameters",
        "pretrained": str(experiment.loaded) if experiment.loaded else None,
        "optimizer": f"{checked.optimizer.name}{f', lr {rate:g}' if rate else ''}, {checked.schedule.name} schedule"
        if horizon.steps
        else None,
        "length": f"{epochs:.4g} epochs, {horizon.steps:,} steps of {checked.data.batch_size} examples"
        if horizon.steps
        else "fitted to the training data in one pass; no steps",
        "device": ", ".join([_device_name(experiment.device_settings), *_how(experiment.device_settings)]),
        "parallel": _parallel(experiment),
        "parent": _parent(folder),
        "tags": ", ".join(checked.tags),
        "about": checked.notes,
        "run": str(folder),
    }
    return {label: text for label, text in header.items() if text}


def _parent(folder: Path) -> str | None:
    """The run whose weights this one begins with, in words."""
    parent = RunRecord.load(folder)["parent"] if (folder / RECORD).exists() else None
    if parent is None:
        return None
    state = "its optimizer's state" if parent["optimizer"] else "a fresh optimizer"
    return f"{parent['folder']}, the weights of step {parent['step']:,}, {state}; steps and schedule begin anew"


def _kind(kind: Kind) -> str:
    """A kind of inputs in a few characters: 1×28×28, or its fields."""
    if isinstance(kind, Fields):
        return ", ".join(f"{name} {_kind(field)}" for name, field in kind.fields)
    if isinstance(kind, Columns):
        return f"{len(kind.numeric)} columns of numbers, {len(kind.categories)} of categories"
    if isinstance(kind, Tokens):
        return f"{kind.length} tokens of {kind.vocabulary:,}"
    return "×".join(map(str, getattr(kind, "shape", ())))


def _notes(data: Data) -> list[str]:
    return [*data.notes, *left_out_notes({**data.unused, **dict.fromkeys(data.left_out, "damaged")})]


def _class_counts(experiment: Experiment) -> str | None:
    """How many examples of each class the splits have, of classes that are few."""
    names, splits = experiment.spec.classes, [split for split in experiment.data.splits if split is not None]
    if not names or any(split.strata is None for split in splits):
        return None
    each = [torch.bincount(split.strata.cpu(), minlength=len(names)).tolist() for split in splits]
    if len(names) <= MOST_CLASSES:
        columns = zip(*each, strict=True)
        told = [f"{name} {'+'.join(f'{n:,}' for n in counts)}" for name, counts in zip(names, columns, strict=True)]
        return ", ".join(told)
    few, many = min(each[0]), max(each[0])
    return f"{few:,}{f' to {many:,}' if many > few else ''} training examples each: {listed(names)}"


def _targets(kind: Kind) -> str:
    names = getattr(kind, "names", ())
    return f", {len(names)} classes" if names else ""


def _parallel(experiment: Experiment) -> str | None:
    config, size = experiment.config.parallel, experiment.process_group.size
    if config.name == "none":
        return None
    batches = "batch statistics synchronized" if config.sync_batchnorm else ""
    return ", ".join(filter(None, [f"{config.name}, {size} process{'es' if size > 1 else ''}", batches]))


def _device_name(place: DeviceSettings) -> str:
    if place.device.type == "cuda":
        return f"{place.device} ({torch.cuda.get_device_name(place.device)})"
    return f"{place.device} ({place.threads} of {allowed_cores()} cores, {platform.machine()})"


def _how(place: DeviceSettings) -> list[str]:
    graphs = ["CUDA graphs"] if place.cuda_graphs else []
    formats = ["channels last"] if place.memory_format == "channels_last" else []
    return [place.precision, *formats, *(["compiled"] if place.compiled else []), *graphs]
