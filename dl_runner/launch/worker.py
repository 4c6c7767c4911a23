"""What a job's process does: Hydra's task function on the composed config that it was given."""

import os
import signal
import traceback
from dataclasses import dataclass
from typing import Any

from hydra import version
from hydra._internal.callbacks import Callbacks
from hydra.core.utils import JobReturn, JobRuntime, JobStatus, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction

from dl_runner.errors import Interrupted, RunFailed, UserError
from dl_runner.launch.job_process import STOP_SIGNALS


@dataclass(frozen=True)
class Stopped:
    """The result of a job that was asked to stop and did so, by which signal."""

    signal_number: int


def work(task: TaskFunction, config: Any) -> JobReturn | Stopped:
    """Do the job.

    Args:
        task: Hydra's task function.
        config: the job's composed config, its `hydra` section included.
    """
    # What the console of a run shows is in its log.txt; here would be a second copy, which nobody looks at.
    os.environ["DLRUN_CONSOLE"] = "none"
    setup_globals()
    version.setbase("1.3")
    JobRuntime.instance().set("name", config.hydra.job.name)
    result: JobReturn | Stopped
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        result = run_job(
            task_function=task,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=HydraContext(config_loader=None, callbacks=Callbacks(config)),
        )
    except KeyboardInterrupt as stop:
        result = Stopped(stop.signal_number if isinstance(stop, Interrupted) else 2)
    for one in STOP_SIGNALS:  # too late
        signal.signal(one, signal.SIG_IGN)
    if isinstance(result, JobReturn) and result.status == JobStatus.FAILED:
        result.return_value = _portable(result._return_value)
    return result


def _portable(error: Exception) -> Exception:
    """The same for the launching process, which knows no class of a plugin's; its traceback goes to the output."""
    if type(error) in (UserError, RunFailed):
        return type(error)(str(error))
    traceback.print_exception(error)
    return RunFailed(f"{type(error).__name__}: {error}")
