"""A run's model at work again: on a split of its data, or on a user's own inputs."""

import inspect
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from dl_runner.build.builders import check_builders
from dl_runner.build.data import build_data, evaluation_loader
from dl_runner.build.experiment import build_task
from dl_runner.build.model import build_device, build_device_settings, build_model
from dl_runner.config.stored import load_run
from dl_runner.config.types import arguments
from dl_runner.data.fingerprint import content_changes
from dl_runner.data.picture_files import asked_for
from dl_runner.data.text_inputs import texts_asked_for
from dl_runner.errors import UserError, hint
from dl_runner.running.code_record import told_of_code
from dl_runner.running.data_record import check_spec, spec_on_record
from dl_runner.running.fitted import read_fitted
from dl_runner.running.left_out import check_left_out
from dl_runner.runtime.progress import showing
from dl_runner.spec import Image, reads_tokens
from dl_runner.tasks.predicting import Row, check_inputs, examples
from dl_runner.tracking.run_folder import RunRecord
from dl_runner.training.checkpoint import Checkpoints, Which, load_weights, read_spec
from dl_runner.training.evaluation import evaluate, evaluating, measure

SPLITS = ("train", "validation", "test")


def weight_file(folder: Path, which: Which | None) -> Path:
    """The weight file of a run; without a wish the best if there are, else the last.

    Raises:
        UserError: the run has none, or they are damaged.
    """
    checkpoints = Checkpoints(folder)
    for name in [which] if which else ["best", "last"]:
        if checkpoints.weights(name).exists():
            return checkpoints.require(name)
    command = shlex.join(["dlrun", "resume", str(folder)])
    raise UserError(f"{folder}: has no {which or 'saved'} weights; this finishes the run: {command}")


def load_model(folder: Path, which: Which | None = None, device: str | None = None) -> nn.Module:
    """A run's trained model, in evaluation mode, on its device or another. Needs no data set.

    Raises:
        UserError: no weights, or those of another run, or no such device.
    """
    weights = weight_file(folder, which)
    spec = read_spec(weights)
    checked = load_run(folder, device)
    place = build_device(checked)
    model = build_model(checked, check_builders(checked), spec)
    load_weights(weights, model)
    return build_device_settings(checked, spec, model, place).put(model).eval()


class Evaluation(NamedTuple):
    """Metrics of a split.

    Args:
        weights: the file whose weights the model had.
        metrics: {SPLIT/NAME: value}.
        changed: what has changed since the training, in the split or in the code of plugins, a line each.
    """

    weights: Path
    metrics: dict[str, float]
    changed: list[str]


def evaluate_run(folder: Path, split: str, which: Which | None, device: str | None = None) -> Evaluation:
    """What a run's model is worth on its "train", "validation" or "test" split.

    Raises:
        UserError: the run has no weights or no such split, or the weights were trained on other kinds of data.
    """
    if split not in SPLITS:
        raise UserError(f"split {split}: no such split{hint(split, SPLITS)}")
    weights = weight_file(folder, which)
    checked = load_run(folder, device)
    place = build_device(checked)
    builders = check_builders(checked)
    data = build_data(checked, builders, read_fitted(folder))
    check_left_out(folder, data)
    check_spec(weights, data.spec, "evaluate them on data of the same kind")
    model = build_model(checked, builders, data.spec)
    load_weights(weights, model)
    settings = build_device_settings(checked, data.spec, model, place)
    loader = evaluation_loader(checked, data, split, settings)
    if loader is None:
        raise UserError(f"--split {split}: the data of {folder} have no {split} split")
    task = build_task(checked, builders, data.spec, data.fitted)
    model = settings.put(model)
    with showing(checked.tracker.console):
        metrics = evaluate(model, task, loader, settings.autocast, data.spec).read()
        if hasattr(task, "meter"):
            metrics |= measure(model, task.meter(), loader, settings.autocast)
    changes = content_changes(RunRecord.load(folder)["data_fingerprint"] or {}, data, [split])
    changed = [*(f"{change}; the numbers are of the data as they are now" for change in changes), *told_of_code(folder)]
    return Evaluation(weights, {f"{split}/{name}": value for name, value in metrics.items()}, changed)


def predict(
    folder: Path,
    inputs: Sequence[str] | Any,
    which: Which | None,
    options: Mapping[str, Any],
    device: str | None = None,
    *,
    for_file: bool = False,
) -> list[Row]:
    """What a run's task makes of a user's inputs. Needs no data set.

    Args:
        inputs: names of files, of folders of pictures, or texts; or an array or tensor, see `examples`.
        options: of the task's `predict`.
        for_file: the rows of its `tabulate` instead, if it has one.

    Raises:
        UserError: no weights, or those of another run, a task that does not predict, no input, an unknown option, or
            an input that it cannot read.
    """
    weights = weight_file(folder, which)
    spec = read_spec(weights)
    if (of_run := spec_on_record(RunRecord.load(folder))) is not None:
        check_spec(weights, of_run, "put the run's own weights back")
    checked = load_run(folder, device)
    builders = check_builders(checked)
    task = build_task(checked, builders, spec, read_fitted(folder))
    if not hasattr(task, "predict"):
        raise UserError(f"predict {folder}: its task, {spec.task}, answers nothing about inputs of one's own")
    if hasattr(inputs, "shape"):
        inputs = examples(inputs, spec)
    else:
        check_inputs(inputs, spec)
    answer = getattr(task, "tabulate", task.predict) if for_file else task.predict
    _check_options(task, answer, options, checked.task.name if builders.task else spec.task)
    given = arguments(answer, options, "--", {"model", "inputs"})
    model = build_model(checked, builders, spec)
    load_weights(weights, model)
    settings = build_device_settings(checked, spec, model, build_device(checked))
    settings.put(model)
    if isinstance(inputs, Tensor):
        pass
    elif isinstance(spec.inputs, Image):
        inputs = asked_for(inputs)
    elif reads_tokens(spec):
        inputs = texts_asked_for(inputs)
    with evaluating(model, settings.autocast), showing(checked.tracker.console):
        return answer(model, inputs, **given)


def _check_options(task: Any, answer: Callable[..., Any], options: Mapping[str, Any], name: str) -> None:
    """Raise UserError for an option that the task's answers do not take."""
    offered = [_dashed(one) for one in inspect.signature(answer).parameters if one not in ("model", "inputs")]
    for option in options:
        if (dashed := _dashed(option)) in offered:
            continue
        instead = getattr(task, "tabulate", None) if answer == task.predict else task.predict
        if instead is not None and option in inspect.signature(instead).parameters:
            more = "only with --out FILE.csv" if answer == task.predict else "only without --out FILE.csv"
            raise UserError(f"{dashed}: the task {name} takes it {more}")
        takes = hint(dashed, offered) or "; it takes none"
        raise UserError(f"{dashed}: is no option of predictions by the task {name}{takes}")


def _dashed(option: str) -> str:
    return f"--{option.replace('_', '-')}"
