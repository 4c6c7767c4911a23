"""An exponential moving average of the weights, evaluated beside them (Polyak and Juditsky, 1992).

After step n, average ← d · average + (1 − d) · weights, with d = min(decay, (1 + n) / (10 + n)), so that the
first weights do not fill a short run's. Buffers, such as the running means of batch normalization, are the newest.

Its metrics are reported as validation/ema_NAME; its weights are in RUN/checkpoints/ema.safetensors. It does not choose
the best weights, and the test set is for those.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from dl_runner.config.types import Fraction
from dl_runner.errors import UserError
from dl_runner.training.callbacks import Run
from dl_runner.training.sums import MetricSums


class ExponentialMovingAverage:
    """See `ema`."""

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._average: AveragedModel
        self._loaded: Mapping[str, Any] | None = None

    def check(self, run: Run) -> None:
        if run.lockstep:
            raise UserError("callback=ema: needs the whole model in a process; use parallel=ddp, or none")
        if run.batches("validation") is None:
            raise UserError("callback=ema: there are no validation data; set data.validation=0.1")

    def start(self, run: Run) -> None:
        self._average = AveragedModel(run.model, multi_avg_fn=self._step)
        if self._loaded is not None:
            self._average.load_state_dict(self._loaded)

    @torch.no_grad()
    def _step(self, averages: Sequence[Tensor], weights: Sequence[Tensor], steps: Tensor | int) -> None:
        decay = min(self._decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(list(averages), list(weights), 1 - decay)

    def after_step(self, run: Run) -> None:
        self._average.update_parameters(run.model)

    def after_evaluation(self, run: Run, metrics: Mapping[str, float]) -> dict[str, float]:
        model, sums = self._average.module, MetricSums(run.task)
        with run.evaluating(model):
            for batch in run.batches("validation").epoch():
                sums.add(run.task.step(model, batch)[1], batch.counts)
        run.checkpoints.save_weights("ema", model, run.spec, run.origin)
        return {f"validation/ema_{name}": value for name, value in sums.read().items()}

    def state_dict(self) -> dict[str, Any]:
        return dict(self._average.state_dict())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._loaded = state


def ema(*, decay: Fraction = 0.999) -> ExponentialMovingAverage:
    """Costs one more copy of the weights, and another pass at each evaluation.

    Args:
        decay: how much of the average stays at a step.
    """
    return ExponentialMovingAverage(decay)
