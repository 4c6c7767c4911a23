"""When what happens beside the steps of a run."""

from dataclasses import dataclass

from dl_runner.config.durations import Duration, Horizon, Steps


@dataclass(frozen=True)
class Intervals:
    """When what happens beside the steps.

    Args:
        evaluate: metrics on the evaluation splits; always after the last step too.
        log: training metrics.
        checkpoint: the whole state to disk; always after the last step too.
        meter: those metrics of a task that are no sums; None: with every evaluation.
        show: what a task shows of its model, such as sample text; None: as often as the task says.
    """

    evaluate: Steps
    log: Steps
    checkpoint: Duration
    meter: Steps | None = None
    show: Steps | None = None


def due(every: Steps | None, step: int, horizon: Horizon) -> bool:
    """Whether something that happens so often, and after the last step, happens after this one."""
    if step >= horizon.steps:
        return True
    return every is not None and step % every.steps(horizon.steps_per_epoch) == 0
