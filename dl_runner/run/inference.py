"""A run's model at work again: on a split of its data, or on a user's own pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch

from dl_runner.build.builders import check_builders
from dl_runner.build.parts import build_data, build_device, build_evaluation, build_model, build_place, build_task
from dl_runner.config.stored import load_run
from dl_runner.data.batches import to_input
from dl_runner.errors import UserError
from dl_runner.report.predictions import load_image, top
from dl_runner.training.checkpoint import Checkpoints, load_weights, read_spec
from dl_runner.training.evaluation import evaluate

Weights = Literal["best", "last"]


def weight_file(folder: Path, which: Weights | None) -> Path:
    """The weight file of a run; without a wish the best if there are, else the last.

    Raises:
        UserError: the run has none.
    """
    checkpoints = Checkpoints(folder)
    for name in [which] if which else ["best", "last"]:
        if checkpoints.weights(name).exists():
            return checkpoints.weights(name)
    raise UserError(f"{folder}: has no {which or 'saved'} weights; `dlrun resume {folder}` finishes the run")


def evaluate_run(
    folder: Path, split: str, which: Weights | None, device: str | None = None
) -> tuple[Path, dict[str, float]]:
    """The weight file that was used, and the metrics of its model on the run's "train", "validation" or "test" split.

    Raises:
        UserError: the run has no weights or no such split.
    """
    weights = weight_file(folder, which)
    checked = load_run(folder, device)
    place_on = build_device(checked)
    builders = check_builders(checked)
    data = build_data(checked, builders)
    model = build_model(checked, builders, data.spec)
    load_weights(weights, model)
    place = build_place(checked, data.spec, model, place_on)
    batches = build_evaluation(checked, data, split, place)
    if batches is None:
        raise UserError(f"--split {split}: the data of {folder} have no {split} split")
    task = build_task(checked, builders, data.spec)
    metrics = evaluate(place.put(model), task, batches, place.autocast)
    return weights, {f"{split}/{name}": value for name, value in metrics.items()}


def predict_images(
    folder: Path, images: Sequence[Path], k: int, which: Weights | None, invert: bool = False
) -> list[list[tuple[str, float]]]:
    """For each picture file the `k` most probable (class, probability), best first. Needs no data set.

    Args:
        invert: swap dark and light first.

    Raises:
        UserError: no weights, a model without classes, or a file that is no picture.
    """
    weights = weight_file(folder, which)
    spec = read_spec(weights)
    if spec.task != "classification":
        raise UserError(f"predict {folder}: its task is {spec.task}, and pictures have classes")
    checked = load_run(folder)
    model = build_model(checked, check_builders(checked), spec)
    load_weights(weights, model)
    model.eval()
    pictures = torch.stack([load_image(path, spec) for path in images])
    with torch.inference_mode():
        return top(model(to_input(255 - pictures if invert else pictures, spec)), spec.classes, k)
