"""Train, choose the weights, test once: everything that happens goes to the record and the trackers."""

import logging
from collections.abc import Mapping
from typing import Any

from dl_runner.build.data import evaluation_loader
from dl_runner.build.experiment import Experiment
from dl_runner.config.schema import Config
from dl_runner.data.batch import Batch
from dl_runner.data.loader import Loader
from dl_runner.errors import Interrupted, Pruned, RunFailed
from dl_runner.parallel.workers import wait_for_first_error
from dl_runner.report.augmentation import augmented_copies
from dl_runner.running.ending import ending_on_record
from dl_runner.running.header import run_info
from dl_runner.runtime.files import remove_temporary
from dl_runner.runtime.interrupt import StopRequest, stop_on_signals
from dl_runner.tasks.task import chooses
from dl_runner.tracking.console import console
from dl_runner.tracking.metrics_file import MetricsFile
from dl_runner.tracking.profile import Profile
from dl_runner.tracking.run_folder import RunRecord
from dl_runner.tracking.tensorboard import TensorBoard
from dl_runner.tracking.tracker import Tracker, Trackers
from dl_runner.training.checkpoint import Checkpoints, load_weights
from dl_runner.training.evaluation import evaluate, evaluating, measure
from dl_runner.training.loop import train
from dl_runner.training.showing import shown_as_text, track
from dl_runner.training.sums import Diverged, MetricSums
from dl_runner.training.training import Training, Watch

_log = logging.getLogger("dl_runner")


def conduct(
    experiment: Experiment,
    training: Training,
    record: RunRecord,
    watch: Watch | None,
    checkpoint: Mapping[str, Any] | None = None,
    lost: str | None = None,
) -> float | None:
    """Train and test a run; the first process's part of it.

    Args:
        checkpoint: what `Checkpoints.load` gives of a run that goes on.
        lost: what it goes on without.

    Returns:
        The best value of the metric that chose the weights, None without validation data.

    Raises:
        RunFailed, Pruned, Interrupted: as for `launch`.
    """
    tracker = _trackers(experiment.config)
    pictures = experiment.config.tracker.tensorboard  # no other tracker shows them
    training.tracker, training.checkpoints, training.watch = tracker, Checkpoints(record.folder), watch
    training.folder = record.folder
    training.identity, training.measured = {**training.identity, "run": record["id"]}, record.measured
    with stop_on_signals() as request, ending_on_record(record, tracker, training), training.callbacks.ending():
        first_step = checkpoint["state"]["progress"]["step"] if checkpoint else 0
        if checkpoint:
            record.resume(first_step, None if lost else checkpoint.get("measured"), lost)
            for place in (record.folder, training.checkpoints.folder):
                remove_temporary(place)
            training.checkpoints.weights("last").unlink(missing_ok=True)  # soon older than last.pt
        label = (record["job"] or {}).get("label")
        tracker.start(run_info(experiment, training, record.folder, label, first_step))
        for told in record.told:
            _log.info("%s", told)
        if checkpoint:
            training.load_state_dict(checkpoint["state"])
            if lost:
                _log.warning("%s", lost)
            if training.stopping.best_step == first_step:  # whatever has become of the file
                model = training.update.strategy.full_model()
                training.checkpoints.save_weights("best", model, training.spec, training.origin, keep=False)
        elif experiment.builders.augment is not None and pictures:
            picture = augmented_copies(
                experiment.data.train, experiment.spec, experiment.builders.augment, experiment.config.seed
            )
            tracker.image("train/augmented", picture, 0)
        try:
            with wait_for_first_error():
                reason = train(training, request)
        except Diverged as error:
            raise RunFailed(f"{error}; {_after_divergence(training)}") from error
        # From here on the other processes are gone.
        model = experiment.device_settings.put(training.update.strategy.full_model())
        training.checkpoints.save_weights("last", model, training.spec, training.origin)
        if reason == "interrupted":
            raise Interrupted(f"stopped at step {training.step:,}", request.signal_number)
        if reason == "stopped early":
            _log.info("stopped early: no better validation metric for %d evaluations", training.stopping.stale)
        if reason == "stopped":
            _log.info("stopped at step %s: %s", f"{training.step:,}", training.progress.stopped)
        if reason != "pruned":
            _test(experiment, training, model, request)
        if training.stopping.best is not None:
            record.update(objective={f"validation/{chooses(training.task).name}": training.stopping.best})
        if reason == "pruned":
            raise Pruned(f"given up at step {training.step:,}")
    if request:  # too late for this run, which is completed; not for the sweep around it
        raise Interrupted("stopped; the run is completed", request.signal_number)
    return training.stopping.best


def _after_divergence(training: Training) -> str:
    last = training.checkpoints.last
    kept = f"the last good checkpoint is {last}" if last.exists() else "there is no checkpoint yet"
    return f"{kept}; try a smaller optimizer.lr, trainer.clip_norm=1 or schedule.warmup='1 epoch'"


def _test(experiment: Experiment, training: Training, model: Any, request: StopRequest) -> None:
    """The test set, once, on the weights that validation chose; then what the task shows of the results.

    Raises:
        Interrupted: asked to stop in the middle; resuming the run tests again.
    """
    pictures = experiment.config.tracker.tensorboard  # no other tracker shows them
    choice = experiment.config.trainer.test
    if choice == "best" and training.stopping.best_step is not None:
        load_weights(training.checkpoints.require("best", training.stopping.best_step), model)
        for name in [name for name in training.metrics if name.startswith("validation/")]:
            del training.metrics[name]  # of other weights
        training.metrics.update(training.progress.best_metrics)
        _log.info("best weights: those of step %d", training.stopping.best_step)
    elif choice == "best":
        why = "no validation data" if experiment.data.validation is None else "no finite validation metric"
        _log.info("%s to choose by: the last weights are tested", why)
    split = "test" if choice != "never" and experiment.data.test is not None else "validation"
    most = experiment.config.trainer.evaluate_batches
    loader = evaluation_loader(experiment.config, experiment.data, split, experiment.device_settings, most=most)
    if loader is None:
        loader, split = training.loader, "train"
    else:
        sums = _measure(experiment, training, model, loader, split, request)
        if hasattr(training.task, "draw") and pictures:
            track(training, split, training.task.draw(sums.on_host()))
    if hasattr(training.task, "show") and (pictures or shown_as_text(training.task)):
        with evaluating(model, experiment.device_settings.autocast):
            track(training, split, training.task.show(model, _first(loader)))


def _measure(
    experiment: Experiment, training: Training, model: Any, loader: Loader, split: str, request: StopRequest
) -> MetricSums:
    task, autocast = training.task, experiment.device_settings.autocast
    sums = evaluate(model, task, loader, autocast, experiment.spec, request=request)
    measured = sums.read()
    if hasattr(task, "meter"):
        measured |= measure(model, task.meter(), loader, autocast, request=request)
    if split == "test":
        named = {f"test/{name}": value for name, value in measured.items()}
        training.metrics.update(named)
        if experiment.config.trainer.test != "every":  # else the loop has logged it
            training.tracker.log(training.step, training.epoch, named, milestone=False)
    return sums


def _first(loader: Loader) -> Batch:
    return next(iter(loader.epoch()))


def _trackers(checked: Config) -> Tracker:
    trackers: list[Tracker] = [MetricsFile()]
    if checked.tracker.tensorboard:
        trackers.append(TensorBoard())
    if checked.trainer.profile_steps:
        trackers.append(Profile(checked.trainer.profile_steps))
    return Trackers([*trackers, console(checked.tracker.console)])
