"""Beginning a run, going on with one, or finishing it: its folder, lock and record, and its processes."""

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dl_runner.build.experiment import Experiment
from dl_runner.build.fit import checked_experiment
from dl_runner.build.training import build_training
from dl_runner.config.changes import changed
from dl_runner.config.schema import Config
from dl_runner.config.stored import CONFIG, load_config, load_run
from dl_runner.errors import UserError
from dl_runner.parallel.workers import announce_folder
from dl_runner.running.code_record import check_code
from dl_runner.running.conduct import conduct
from dl_runner.running.data_record import check_unchanged, data_on_record
from dl_runner.running.distributed import follow, in_processes, join_process_group, share_user_errors, to_start
from dl_runner.running.fitted import read_fitted, write_fitted
from dl_runner.running.left_out import check_left_out
from dl_runner.running.length import check_length, lengthen
from dl_runner.running.parent import Parent, take_over
from dl_runner.tasks.task import metric_info
from dl_runner.tracking.metrics_file import rows_lost
from dl_runner.tracking.run_folder import RECORD, Job, RunRecord, begin, create, lock
from dl_runner.training.checkpoint import Checkpoints
from dl_runner.training.training import Prune, Watch


@dataclass(frozen=True)
class Result:
    """How a completed run went.

    Args:
        record: what run.json holds.
        objective: the best value of the metric that chose the weights, None without validation data.
    """

    record: RunRecord
    objective: float | None


def launch(
    checked: Config,
    place: Path,
    name: str,
    job: Job | None = None,
    watch: Watch | None = None,
    prune: Prune | None = None,
    parent: Parent | None = None,
) -> Result:
    """Train one experiment in a new run folder, in as many processes as its config asks for.

    Args:
        checked: what to run.
        place: where the run folder is made.
        name: of the run folder; a number is appended when it is taken.
        job: the sweep's job that this run is.
        watch: measures more of the model at each report, {NAME: value} for train/NAME.
        prune: told the number, >= 1, and the metrics of each evaluation: whether to give the run up.
        parent: the run whose last weights it begins with.

    Raises:
        UserError: the config does not fit the data, the parent or this machine; no run folder is left behind.
        RunFailed: the run broke; its folder tells why.
        Pruned: it was given up.
        Interrupted: it was asked to stop; its folder can be resumed.
    """
    if processes := to_start(checked):
        return in_processes(processes, _launch, checked, place, name, job, watch, prune, parent)
    return _launch(checked, place, name, job, watch, prune, parent)


def _launch(
    checked: Config,
    place: Path,
    name: str,
    job: Job | None,
    watch: Watch | None,
    prune: Prune | None,
    parent: Parent | None,
) -> Result | None:
    with join_process_group(checked) as process_group:
        with share_user_errors(process_group):
            experiment = checked_experiment(checked, process_group, parent.fitted if parent else None)
            training = build_training(experiment)
            taken = take_over(parent, training, experiment) if parent else None
            known = data_on_record(experiment.data) if process_group.rank == 0 else {}
            folder = create(place, name) if process_group.rank == 0 else None
        if folder is None:
            return follow(training)
        announce_folder(folder)
        training.prune = prune
        with lock(folder):
            known |= {"parameters": experiment.parameters, "metric_info": metric_info(experiment.task)}
            known["left_out"] = dict(experiment.data.left_out)
            try:
                written = write_fitted(folder, experiment.data)
                known["parent"] = taken
                record = begin(experiment.config, folder, job, written=written, **_where(experiment), **known)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)  # without a record it can neither be resumed nor told about
                raise
            return Result(record, conduct(experiment, training, record, watch))


def resume(
    folder: Path,
    watch: Watch | None = None,
    device: str | None = None,
    prune: Prune | None = None,
    parallel: Mapping[str, Any] | None = None,
    *,
    changed_code: bool = False,
    length: Sequence[str] = (),
) -> Result:
    """Go on with an interrupted, killed or failed run from its last checkpoint, exactly as if it had never stopped.

    With a `length` also with a completed one, to a new end.

    Args:
        folder: the run folder.
        watch: as for `launch`.
        device: where to go on, if not where the run began.
        prune: as for `launch`; without it a run that was given up goes on to its end.
        parallel: keys of the config's `parallel` section to change.
        changed_code: go on although the code of the run's plugins is another one now.
        length: trainer.epochs=N or trainer.steps=N, if the run shall be longer than it was to be.

    Raises:
        UserError: the run is completed and shall not be longer, there is no checkpoint, the data or the plugins' code
            have changed, or another process is running in the folder.
        RunFailed, Pruned, Interrupted: as for `launch`.
    """
    check_length(folder, length)
    checked = load_run(folder, device, parallel, partial(changed, overrides=length))
    if not changed_code:
        check_code(folder)
    if processes := to_start(checked):
        return in_processes(processes, _resume, checked, folder, watch, prune, length)
    return _resume(checked, folder, watch, prune, length)


def _resume(
    checked: Config, folder: Path, watch: Watch | None, prune: Prune | None, length: Sequence[str]
) -> Result | None:
    with (
        join_process_group(checked) as process_group,
        lock(folder) if process_group.rank == 0 else contextlib.nullcontext(),
    ):
        with share_user_errors(process_group):
            record = RunRecord.load(folder)
            if record["status"] == "completed" and not length:
                raise UserError(f"{folder}: already completed; there is nothing to resume")
            checkpoints, lost = Checkpoints(folder), None
            checkpoint = checkpoints.load()
            experiment = checked_experiment(checked, process_group, read_fitted(folder), pretrained=False)
            training = build_training(experiment)
            check_left_out(folder, experiment.data)
            if process_group.rank == 0:
                check_unchanged(record, experiment.data)
                lost = _check_for_damage(checkpoints, checkpoint, folder)
                if length:
                    lengthen(record, training, experiment, checkpoint["state"], length)
        if process_group.rank:
            return follow(training, checkpoint["state"])
        announce_folder(folder)
        training.prune = prune
        record.update(**_where(experiment))
        return Result(record, conduct(experiment, training, record, watch, checkpoint, lost))


def _check_for_damage(checkpoints: Checkpoints, checkpoint: Mapping[str, Any], folder: Path) -> str | None:
    """Whether a run can go on exactly with what is in its folder; in words, what it has to do without.

    Raises:
        UserError: it cannot.
    """
    best, step = checkpoint["state"]["stopping"]["best_step"], checkpoint["state"]["progress"]["step"]
    lost = rows_lost(folder, checkpoint.get("measured"), step)
    if best != step:  # else the checkpoint's own weights are the best
        checkpoints.go_back_to_best(best)
    return lost


def finish(
    checked: Config, folder: Path, watch: Watch | None = None, job: Job | None = None, prune: Prune | None = None
) -> RunRecord:
    """The record of the completed run in `folder`, whatever that takes: nothing, resuming it, or training anew.

    Args:
        checked: the experiment that the folder is for, when it has to be trained anew; and where it shall go on.
        folder: need not exist; a run that was stopped before its first checkpoint is removed.
        job: as for `launch`.
        watch: as for `launch`.
        prune: as for `launch`.

    Raises:
        UserError, RunFailed, Pruned, Interrupted: as for `launch`.
    """
    status = RunRecord.load(folder)["status"] if (folder / RECORD).exists() else None
    if status == "completed":
        return RunRecord.load(folder)
    if status and Checkpoints(folder).last.exists():
        before, now = load_config(folder / CONFIG)["device"], checked.device
        moved = (before["name"], before.get("cuda_graphs", "off")) != (now.name, now.cuda_graphs)
        return resume(folder, watch, checked.device.name if moved else None, prune).record
    shutil.rmtree(folder, ignore_errors=True)
    return launch(checked, folder.parent, folder.name, job, watch, prune).record


def _where(experiment: Experiment) -> dict[str, Any]:
    """What run.json says of where and how the run computes."""
    return experiment.device_settings.describe() | {
        "parallel": {"name": experiment.config.parallel.name, "processes": experiment.process_group.size}
    }
