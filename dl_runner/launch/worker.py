"""What a job's process does: the task on the composed config that it was given, and its result into a file."""

import faulthandler
import os
import pickle
import signal
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.callbacks import Callbacks
from hydra.core.utils import JobReturn, JobRuntime, JobStatus, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction

from dl_runner.errors import Interrupted, RunFailed, UserError
from dl_runner.launch.nursery import STOPS, Start
from dl_runner.runtime.files import write_atomic


@dataclass(frozen=True)
class Payload:
    """A job on its way to its process.

    Args:
        task: Hydra's task function.
        config: the job's composed config, its `hydra` section included.
    """

    task: TaskFunction
    config: Any


@dataclass(frozen=True)
class Stopped:
    """The result of a job that was asked to stop and did so, by which signal."""

    signal_number: int


def work(start: Start) -> None:
    """Do the job. Whatever comes of it is in the result file."""
    faulthandler.enable()  # a crash in compiled code leaves the Python lines that led there
    os.environ.clear()
    # What the console of a run says is in its log.txt; here would be a second copy, which nobody looks at.
    os.environ.update(start.environment, DLRUN_CONSOLE="none")
    payload: Payload = pickle.loads(Path(start.payload).read_bytes())
    setup_globals()
    version.setbase("1.3")
    JobRuntime.instance().set("name", payload.config.hydra.job.name)
    result: JobReturn | Stopped
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        result = run_job(
            task_function=payload.task,
            config=payload.config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=HydraContext(config_loader=None, callbacks=Callbacks(payload.config)),
        )
    except KeyboardInterrupt as stop:
        result = Stopped(stop.signal_number if isinstance(stop, Interrupted) else 2)
    for one in STOPS:  # too late
        signal.signal(one, signal.SIG_IGN)
    if isinstance(result, JobReturn) and result.status == JobStatus.FAILED:
        result.return_value = _portable(result._return_value)
    write_atomic(Path(start.result), pickle.dumps(result))


def _portable(error: Exception) -> Exception:
    """The same for the launching process, which knows no class of a plugin's; its traceback goes to the output."""
    if type(error) in (UserError, RunFailed):
        return type(error)(str(error))
    traceback.print_exception(error)
    return RunFailed(f"{type(error).__name__}: {error}")
