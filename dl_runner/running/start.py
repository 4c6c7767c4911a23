"""Beginning what one config asks for, a run or a lesson, in a new folder of its own."""

from datetime import datetime
from pathlib import Path

from dl_runner.config.paths import shown
from dl_runner.config.schema import Config
from dl_runner.running.launch import launch
from dl_runner.running.lesson import teach


def start(checked: Config) -> Path:
    """Train one experiment, or hold one lesson, to its end.

    Args:
        checked: what to run; the folder is OUTPUTS/DATA/MODEL/TIME, of a lesson OUTPUTS/lessons/LESSON/TIME.

    Returns:
        The run folder.

    Raises:
        UserError: the config does not fit the data or this machine; no run folder is left behind.
        RunFailed: the run broke; its folder tells why.
        Interrupted: it was asked to stop; its folder can be resumed.
    """
    part = checked.lesson or checked.model
    parent = shown(checked.outputs) / ("lessons" if checked.lesson else checked.data.name) / part.name
    name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    return teach(checked, parent, name) if checked.lesson else launch(checked, parent, name).record.folder
