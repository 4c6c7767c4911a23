"""A Hydra plugin: `hydra/launcher=local`, jobs side by side on this machine.

Every start of `dlrun` imports this module, so it imports nothing of the package at its top.
"""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict


@dataclass
class LocalLauncherConf:
    """`jobs` is how many run side by side: "auto", which is one per GPU or else one per core, or a number."""

    _target_: str = "hydra_plugins.dl_runner_local_launcher.LocalLauncher"
    jobs: Any = "auto"


ConfigStore.instance().store(group="hydra/launcher", name="local", node=LocalLauncherConf, provider="dl_runner")


class LocalLauncher(Launcher):
    """Each job in a process of its own; `dl_runner.launch` does the work."""

    def __init__(self, jobs: Any = "auto") -> None:
        self.jobs = jobs
        self._threads: int | None = None  # of each job, as its sweep has fixed them
        self.hydra_context: HydraContext | None = None
        self.task_function: TaskFunction | None = None
        self.config: DictConfig | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from dl_runner.launch.resources import parse_jobs

        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config
        parse_jobs(self.jobs)

    def check(self, configs: Sequence[Any]) -> Sequence[Any]:
        """What is wrong with the parts of each config, found out in a process like those of the jobs.

        Raises:
            RunFailed: no process can be started, or it died.
        """
        from dl_runner.launch.local import check_jobs

        return check_jobs(list(configs))

    def fix_threads(self, recorded: int | None) -> int:
        """The threads that each job of a sweep has, all its processes together, fixed before the first one starts.

        Args:
            recorded: the number that an earlier command of the same sweep has fixed.

        Raises:
            RunFailed: no processes can be started.
        """
        from dl_runner.launch.local import choose_threads

        self._threads = recorded or choose_threads(self._request())
        return self._threads

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """The results of the jobs, in their order.

        Raises:
            Interrupted, RunFailed, UserError: as for `launch_as_completed`.
        """
        return [done for _, done in sorted(self.launch_as_completed(iter(job_overrides), initial_job_idx))]

    def launch_as_completed(
        self, jobs: Iterator[Sequence[str]], initial_job_idx: int
    ) -> Iterator[tuple[int, JobReturn]]:
        """Runs jobs, the next of which is taken only when it can start; yields each result as the job ends.

        Args:
            jobs: overrides; an iterator that knows its length (`__length_hint__`) has those that wait shown.
            initial_job_idx: the number of the first one.

        Yields:
            number and result. A dead process is its job's failure.

        Raises:
            Interrupted: it was asked to stop, and all jobs have stopped.
            RunFailed: processes cannot be started any more.
        """
        from dl_runner.launch.local import side_by_side

        setup_globals()

        def waiting() -> int | None:
            left = operator.length_hint(jobs, -1)
            return left if left >= 0 else None

        composed = (self._compose(overrides, number) for number, overrides in enumerate(jobs, initial_job_idx))
        mode = self.config.tracker.console
        yield from side_by_side(composed, waiting, self.task_function, initial_job_idx, self._request(), mode)

    def _request(self) -> Any:
        from dl_runner.launch.resources import parse_jobs, requested

        device, devices = self.config.device, OmegaConf.select(self.config, "parallel.devices")
        return requested(parse_jobs(self.jobs), device.name, device.threads, devices, self._threads)

    def _compose(self, overrides: Sequence[str], number: int) -> tuple[DictConfig, dict[str, Any]]:
        from dl_runner.config.stored import to_plain

        composed = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(composed):
            composed.hydra.job.id = composed.hydra.job.num = number
        return composed, to_plain(composed)
