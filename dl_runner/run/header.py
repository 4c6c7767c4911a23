"""What a run says of itself before its first step."""

import platform
from pathlib import Path
from typing import Any

import torch

from dl_runner.build.parts import Parts
from dl_runner.runtime.cores import allowed_cores
from dl_runner.runtime.settings import DeviceSettings
from dl_runner.tracking.tracker import RunInfo
from dl_runner.training.training import Training


def run_info(parts: Parts, training: Training, folder: Path, job: str | None, first_step: int) -> RunInfo:
    """What the trackers may know of a run.

    Args:
        folder: the run folder.
        job: what a sweep varies in this run.
        first_step: steps already done.
    """
    splits = [*training.evaluations, *(["test"] if parts.config.trainer.test != "never" and parts.data.test else [])]
    return RunInfo(
        folder=folder,
        config=parts.config.plain,
        header=_header(parts, training, folder, job),
        steps=training.horizon.steps,
        steps_per_epoch=training.horizon.steps_per_epoch,
        first_step=first_step,
        metric_names=tuple(
            f"{split}/{name}" for split in dict.fromkeys(["train", *splits]) for name in training.task.metrics
        ),
    )


def _header(parts: Parts, training: Training, folder: Path, job: str | None) -> dict[str, str]:
    checked, spec, horizon = parts.config, parts.data.spec, training.horizon
    sizes = {split: getattr(parts.data, split) for split in ("train", "validation", "test")}
    counted = ", ".join(f"{len(found):,} {split}" for split, found in sizes.items() if found is not None)
    classes = f", {len(spec.classes)} classes" if spec.classes else ""
    shape = "×".join(map(str, spec.input_shape))
    rate = checked.optimizer.arguments.get("lr")
    epochs = horizon.steps / horizon.steps_per_epoch
    header: dict[str, Any] = {
        "job": job,
        "data": f"{checked.data.name}: {counted}; {shape}{classes}",
        "model": f"{checked.model.name}, {parts.parameters:,} parameters",
        "optimizer": f"{checked.optimizer.name}{f', lr {rate:g}' if rate else ''}, {checked.schedule.name} schedule",
        "length": f"{epochs:.4g} epochs, {horizon.steps:,} steps of {checked.data.batch_size} examples",
        "device": ", ".join([_device_name(parts.place), *_how(parts.place)]),
        "parallel": _parallel(parts),
        "run": str(folder),
    }
    return {label: text for label, text in header.items() if text}


def _parallel(parts: Parts) -> str | None:
    config, size = parts.config.parallel, parts.process_group.size
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
