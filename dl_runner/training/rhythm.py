"""When what happens beside the steps of a run."""

from dataclasses import dataclass

from dl_runner.config.durations import Duration, Steps


@dataclass(frozen=True)
class Rhythm:
    """When what happens beside the steps, and how a step is made.

    Args:
        evaluate_every: metrics on the evaluation splits; always after the last step too.
        log_every: training metrics.
        checkpoint_every: the whole state to disk; always after the last step too.
        accumulate: parts of a batch whose gradients add up, >= 1.
        clip_norm: the largest gradient norm, > 0; None for no limit.
        evaluate_batches: batches per evaluation; None for all.
    """

    evaluate_every: Steps
    log_every: Steps
    checkpoint_every: Duration
    accumulate: int = 1
    clip_norm: float | None = None
    evaluate_batches: int | None = None
