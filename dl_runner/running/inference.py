"""A run's model at work again: on a split of its data, or on a user's own inputs."""

import inspect
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from dl_runner.build.builders import check_builders
from dl_runner.build.data import build_data, evaluation_loader
from dl_runner.build.experiment import build_task
from dl_runner.build.model import build_device, build_device_settings, build_model
from dl_runner.config.schema import Config
from dl_runner.config.stored import load_run
from dl_runner.config.types import arguments
from dl_runner.data.fingerprint import content_changes
from dl_runner.data.loader import Loader
from dl_runner.data.picture_files import asked_for
from dl_runner.data.splits import Split
from dl_runner.data.text_inputs import texts_asked_for
from dl_runner.errors import UserError, hint
from dl_runner.running.code_record import told_of_code
from dl_runner.running.data_record import check_spec, spec_on_record
from dl_runner.running.fitted import read_fitted
from dl_runner.running.left_out import check_left_out
from dl_runner.runtime.progress import showing, tracked
from dl_runner.runtime.settings import DeviceSettings
from dl_runner.spec import DataSpec, Image, reads_tokens
from dl_runner.tasks.predicting import Row, check_inputs, examples
from dl_runner.tasks.task import Task
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


class Predictions(NamedTuple):
    """What a run's task says of a split.

    Args:
        rows: in the order of the split; each begins with "example", its place, and "file", if it has one of its own.
        changed: what has changed since the training, in the split or in the code of plugins, a line each.
    """

    rows: list[Row]
    changed: list[str]


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


@dataclass(frozen=True)
class Reopened:
    """A run's parts, put together again to look at a split of its data.

    Args:
        weights: the file whose weights the model has.
        name: of the task.
        loader: of the split.
        examples: the split.
        changed: what has changed since the training, in the split or in the code of plugins, a line each.
    """

    weights: Path
    config: Config
    spec: DataSpec
    task: Task
    name: str
    model: nn.Module
    settings: DeviceSettings
    loader: Loader
    examples: Split
    changed: list[str]


def reopen(folder: Path, split: str, which: Which | None, device: str | None, remedy: str) -> Reopened:
    """Put a run's model and one of its splits together.

    Args:
        split: "train", "validation" or "test".
        remedy: ends the message where the data are of another kind than those that the weights were trained on.

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
    check_spec(weights, data.spec, remedy)
    model = build_model(checked, builders, data.spec)
    load_weights(weights, model)
    settings = build_device_settings(checked, data.spec, model, place)
    loader = evaluation_loader(checked, data, split, settings)
    if loader is None:
        raise UserError(f"--split {split}: the data of {folder} have no {split} split")
    changes = content_changes(RunRecord.load(folder)["data_fingerprint"] or {}, data, [split])
    return Reopened(
        weights=weights,
        config=checked,
        spec=data.spec,
        task=build_task(checked, builders, data.spec, data.fitted),
        name=checked.task.name if builders.task else data.spec.task,
        model=settings.put(model),
        settings=settings,
        loader=loader,
        examples=getattr(data, split),
        changed=[
            *(f"{change}; the numbers are of the data as they are now" for change in changes),
            *told_of_code(folder),
        ],
    )


def evaluate_run(folder: Path, split: str, which: Which | None, device: str | None = None) -> Evaluation:
    """What a run's model is worth on its "train", "validation" or "test" split.

    Raises:
        UserError: as for `reopen`.
    """
    run = reopen(folder, split, which, device, "evaluate them on data of the same kind")
    with showing(run.config.tracker.console):
        metrics = evaluate(run.model, run.task, run.loader, run.settings.autocast, run.spec).read()
        if hasattr(run.task, "meter"):
            metrics |= measure(run.model, run.task.meter(), run.loader, run.settings.autocast)
    return Evaluation(run.weights, {f"{split}/{name}": value for name, value in metrics.items()}, run.changed)


def predict_split(
    folder: Path, split: str, which: Which | None, options: Mapping[str, Any], device: str | None = None
) -> Predictions:
    """What a run's task says of each example of its "train", "validation" or "test" split.

    Args:
        options: of the task's `answers`.

    Raises:
        UserError: as for `reopen`, or a task that does not answer, or an unknown option.
    """
    run = reopen(folder, split, which, device, "predict from data of the same kind")
    if not hasattr(run.task, "answers"):
        raise UserError(f"predict {folder}: its task, {run.name}, has no answers for the examples of a split")
    _check_options(run.task, run.task.answers, options, run.name)
    given = arguments(run.task.answers, options, "--", {"model", "batch"})
    found: dict[int, Row] = {}
    with evaluating(run.model, run.settings.autocast), showing(run.config.tracker.console):
        order = tracked(run.loader.sampler.order(0), f"predicting the {split} split")
        for index, batch in zip(order, run.loader.epoch(), strict=True):
            places = range(len(run.examples))[index] if isinstance(index, slice) else index.tolist()
            for at, row in zip(places, run.task.answers(run.model, batch, **given), strict=True):
                file = {"file": str(run.examples.files[at])} if run.examples.files else {}
                found[at] = {"example": at, **file, **row}
    return Predictions([found[at] for at in sorted(found)], run.changed)


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
    offered = [_dashed(one) for one in inspect.signature(answer).parameters if one not in ("model", "inputs", "batch")]
    for option in options:
        if (dashed := _dashed(option)) in offered:
            continue
        ways = {"--split": "answers", "--out FILE.csv": "tabulate", "neither --split nor --out FILE.csv": "predict"}
        others = {way: getattr(task, method, None) for way, method in ways.items()}
        others = {way: other for way, other in others.items() if other not in (None, answer)}
        having = [way for way, other in others.items() if option in inspect.signature(other).parameters]
        if having:
            raise UserError(f"{dashed}: the task {name} takes it only with {' or '.join(having)}")
        takes = hint(dashed, offered) or "; it takes none"
        raise UserError(f"{dashed}: is no option of predictions by the task {name}{takes}")


def _dashed(option: str) -> str:
    return f"--{option.replace('_', '-')}"
