"""A torch profiler trace of a few steps."""

import os
from collections.abc import Callable

from dl_runner.runtime.files import writing
from dl_runner.tracking.tracker import Metrics, RunInfo, Status, Tracker


class Profile(Tracker):
    """Records `steps` steps, after one to warm up and one to start the profiler, into profile/trace.json.

    The trace opens in chrome://tracing or Perfetto; the costliest operations are in profile/operations.txt.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.profiler = None

    def start(self, run: RunInfo) -> None:
        import torch
        from torch import profiler

        activities = [profiler.ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(profiler.ProfilerActivity.CUDA)
        else:  # it would tell the terminal, past Python, that there is no GPU
            os.environ.setdefault("KINETO_LOG_LEVEL", "99")

        folder = run.folder / "profile"

        def write(profile: profiler.profile) -> None:
            with writing(folder):
                folder.mkdir(exist_ok=True)
                profile.export_chrome_trace(str(folder / "trace.json"))
                table = profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=30)
                (folder / "operations.txt").write_text(table, encoding="utf-8")

        self.profiler = profiler.profile(
            activities=activities,
            schedule=profiler.schedule(wait=1, warmup=1, active=self.steps, repeat=1),
            on_trace_ready=write,
        )
        self.profiler.start()

    def progress(self, step: int, read: Callable[[], Metrics]) -> None:
        self.profiler.step()

    def finish(self, status: Status, metrics: Metrics) -> None:
        if self.profiler is not None:
            self.profiler.stop()
