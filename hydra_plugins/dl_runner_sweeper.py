"""A Hydra plugin: the sweeper behind `dlrun -m`. Hydra takes plugins from `hydra_plugins` only.

Every start of `dlrun` imports this module, so it imports nothing of the package at its top.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


@dataclass
class DlRunnerSweeperConf:
    """`params` are overrides, as for Hydra's own sweeper, for an experiment's YAML; `max_batch_size` is how many jobs
    a launcher gets at a time, all of them if null."""

    _target_: str = "hydra_plugins.dl_runner_sweeper.DlRunnerSweeper"
    params: dict[str, str] | None = None
    max_batch_size: int | None = None


ConfigStore.instance().store(group="hydra/sweeper", name="dl_runner", node=DlRunnerSweeperConf, provider="dl_runner")


class DlRunnerSweeper(Sweeper):
    """A sweep that its own command line resumes; `dl_runner.sweep` does the work."""

    def __init__(self, params: dict[str, str] | None = None, max_batch_size: int | None = None) -> None:
        self.params, self.max_batch_size = dict(params or {}), max_batch_size
        self.hydra_context: HydraContext | None = None
        self.config: DictConfig | None = None
        self.launcher: Launcher | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run the jobs of the command line that are not completed.

        Args:
            arguments: KEY=VALUE overrides, the sweep's own values among them.

        Raises:
            UserError: the sweep cannot be run, or nothing in it can.
            RunFailed: a job failed.
            Interrupted: it was asked to stop.
        """
        from dl_runner.config.resolvers import hydra_values

        with hydra_values(self.config):
            return self._sweep(arguments)

    def _sweep(self, arguments: list[str]) -> Any:
        from hydra.core.override_parser.overrides_parser import OverridesParser

        from dl_runner.config.line import active_line
        from dl_runner.config.stored import sweep_section
        from dl_runner.parallel.membership import check_alone
        from dl_runner.sweep.settings import check
        from dl_runner.sweep.sweep import Sweep

        check_alone(str(self.config.parallel.cluster))
        line = active_line()
        if line is not None:  # some of them Hydra has not seen: they are for some of the jobs
            sys.argv = ["dlrun", *line.arguments]
            arguments = [one for one in line.overrides if not one.lstrip("+~").startswith(("hydra.", "hydra/"))]
        given = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        overrides = OverridesParser.create(config_loader=self.hydra_context.config_loader).parse_overrides(given)
        settings = check(sweep_section(self.config))
        named = not OmegaConf.is_interpolation(self.config.sweep, "name")
        folder = Path(self.config.hydra.sweep.dir)

        def rename(name: str) -> None:
            self.config.sweep.name = name

        launch = partial(self._launch, size=settings.parallel if settings.adaptive else self.max_batch_size)
        named = named or folder.name != settings.name
        sweep = Sweep(settings, folder, named, self._compose, launch, rename, self._fix_threads, self._check)
        try:
            return sweep.run(overrides)
        finally:
            if line is not None:
                line.made.append(sweep.folder)

    def _compose(self, job: list[str]) -> dict[str, Any]:
        """A job's resolved config.

        Raises:
            UserError: it does not compose, or an experiment in it is a sweep itself.
        """
        from dl_runner.config.explain import explain
        from dl_runner.config.search_path import searched
        from dl_runner.config.stored import to_plain
        from dl_runner.errors import UserError
        from dl_runner.sweep.brought import check_job

        compose = partial(self.hydra_context.config_loader.load_sweep_config, self.config)
        try:
            composed = compose(job)
        except UserError:
            raise
        except Exception as error:
            raise UserError(explain(error, job, searched(), compose)) from None
        check_job(composed, self.config, job, compose)
        return to_plain(composed)

    def _check(self, configs: Sequence[Any]) -> Sequence[Any]:
        """What is wrong with the parts of each job's config, None where nothing is.

        A launcher may do this in a process of its own, by a method check(configs). Where one runs the jobs on other
        machines, only the builders and their keywords are looked at.
        """
        if hasattr(self.launcher, "check"):
            return self.launcher.check(configs)
        from dl_runner.running.rehearsal import misfits

        return misfits(configs, here=type(self.launcher).__name__ in ("BasicLauncher", "JoblibLauncher"))

    def _fix_threads(self, recorded: int | None) -> int | None:
        """The threads that each job of the sweep has: those on record, else those that the launcher gives it.

        None for a launcher that does not say so beforehand; Hydra's own, which runs the jobs one after the other in
        this process, gives each all cores.
        """
        from hydra._internal.core_plugins.basic_launcher import BasicLauncher

        from dl_runner.launch.resources import Machine, requested, threads_of_a_job
        from dl_runner.runtime.cores import allowed_cores

        if hasattr(self.launcher, "fix_threads"):
            return self.launcher.fix_threads(recorded)
        if recorded is None and isinstance(self.launcher, BasicLauncher):
            device, devices = self.config.device, OmegaConf.select(self.config, "parallel.devices")
            return threads_of_a_job(Machine(allowed_cores()), requested(1, device.name, device.threads, devices))
        return recorded

    def _launch(self, jobs: Iterator[list[str]], size: int | None) -> Iterator[tuple[int, Any]]:
        """Runs jobs as the launcher can take them: one by one as it has room, or `size` at a time, None for all.

        A launcher of the first kind has a method launch_as_completed(jobs, initial_job_idx) → Iterator[(idx,
        JobReturn)]. It takes the next of `jobs` only when it can start it, which is when a search chooses that job,
        and before that yields whatever is done, as soon as it is; idx counts the jobs as they were taken.
        """
        from hydra._internal.core_plugins.basic_launcher import BasicLauncher

        if hasattr(self.launcher, "launch_as_completed"):
            for place, done in self.launcher.launch_as_completed(jobs, initial_job_idx=0):
                yield place, _outcome(done)
            return
        # It runs them one after the other: handed over one by one, each outcome is known at once.
        size = 1 if isinstance(self.launcher, BasicLauncher) else size
        first = 0
        while batch := list(islice(jobs, size)):
            for place, done in enumerate(self.launcher.launch(batch, initial_job_idx=first), start=first):
                yield place, _outcome(done)
            first += len(batch)


def _outcome(done: JobReturn) -> Any:
    from dl_runner.sweep.job import outcome_of_error

    try:
        return done.return_value
    except Exception as error:  # its process died, or its result could not be read
        return outcome_of_error(error)
