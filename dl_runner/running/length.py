"""A run that shall be longer: its folder stays, and it goes on to the new end."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dl_runner.build.experiment import Experiment
from dl_runner.config.changes import LENGTH, changed
from dl_runner.config.durations import Horizon
from dl_runner.config.overrides import key_of
from dl_runner.config.stored import CONFIG, load_config, to_yaml
from dl_runner.errors import UserError
from dl_runner.runtime.checksums import CHECKSUMS, sha256
from dl_runner.runtime.files import write_atomic
from dl_runner.tracking.run_folder import RunRecord
from dl_runner.training.training import Training


def check_length(folder: Path, overrides: Sequence[str]) -> None:
    """Check that overrides are about a run's length alone.

    Raises:
        UserError: one is not, or the run is a sweep's job, whose length is the sweep's.
    """
    for text in overrides:
        if key_of(text) not in LENGTH:
            begin = shlex.join(["dlrun", "continue", str(folder), *overrides])
            raise UserError(
                f"{text}: what goes on in its folder can become longer (trainer.epochs, trainer.steps), and nothing "
                f"else; a run of its own that begins with these weights: {begin}"
            )
    if overrides and RunRecord.load(folder)["job"] is not None:
        begin = shlex.join(["dlrun", "continue", str(folder), *overrides])
        raise UserError(f"{folder}: is a job of a sweep, whose length stays; a run of its own: {begin}")


def lengthen(
    record: RunRecord, training: Training, experiment: Experiment, state: Mapping[str, Any], overrides: Sequence[str]
) -> None:
    """Write the new length to the folder of a run that is about to go on, and note what a person has to know of it.

    Args:
        state: of its last checkpoint.

    Raises:
        UserError: it has done as many steps, or was stopped early, by a callback too.
    """
    folder, step, horizon = record.folder, state["progress"]["step"], training.horizon
    if step >= horizon.steps:
        raise UserError(
            f"{' '.join(overrides)}: {folder} has done {step:,} steps, {step / horizon.steps_per_epoch:.4g} epochs; "
            "give a larger number"
        )
    training.stopping.load_state_dict(state["stopping"])
    if training.stopping.exhausted:
        begin = ["dlrun", "continue", str(folder), *overrides, "regularization.early_stopping=null"]
        raise UserError(
            f"{folder}: was stopped early, and would be again; without that, in a new run: {shlex.join(begin)}"
        )
    if (reason := state["progress"].get("stopped")) is not None:
        begin = ["dlrun", "continue", str(folder), *overrides]
        raise UserError(
            f"{folder}: was ended by a callback ({reason}), and stays so; a run of its own that begins with these "
            f"weights: {shlex.join(begin)}"
        )
    before = load_config(folder / CONFIG)
    trainer = before["trainer"]
    was = Horizon.of(trainer["epochs"], trainer["steps"], horizon.steps_per_epoch)
    record.told.append(f"goes on to {horizon.steps:,} steps; it was to end at {was.steps:,}")
    tests = {name: value for name, value in record["metrics"].items() if name.startswith("test/")}
    if record["status"] == "completed" and tests:
        told = ", ".join(f"{name} {value:.4g}" for name, value in tests.items())
        record.told.append(f"the test set was used at step {step:,} ({told}) and will be used again")
    factors = [experiment.builders.schedule(one)(min(step, one.steps - 1)) for one in (was, horizon)]
    if factors[0] != factors[1]:
        rate = experiment.config.optimizer.arguments.get("lr", 1.0)
        old, new = (f"{rate * factor:.4g}" for factor in factors)
        record.told.append(
            f"the {experiment.config.schedule.name} schedule is now that of the whole length: the learning rate goes "
            f"on at {new}, where it was {old}"
        )
    text = to_yaml(changed(before, overrides))
    kept = {name: known for name, known in (record[CHECKSUMS] or {}).items() if name != CONFIG}
    record.update(**{CHECKSUMS: kept})  # whenever this is cut short, the config that is there is taken as it is
    write_atomic(folder / CONFIG, text)
    record.update(**{CHECKSUMS: {**kept, CONFIG: sha256(text.encode())}})
