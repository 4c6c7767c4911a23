"""The moments at which something beside the training may act; here nothing does.

A callback (`callback=NAME`) is an object with any of these methods, called in this order:

- `check(run)`: raises UserError where it cannot work; before there is a run folder, in every process.
- `start(run)`: before the first step, also of a run that goes on, whose state has been loaded by then.
- `after_step(run)`: after each optimizer step.
- `after_evaluation(run, metrics)`: after each evaluation, with its metrics, SPLIT/NAME. What it returns, a dict of the
  same form or nothing, is reported with them.
- `end(run, status)`: after the final test, or whatever else ended the run: "completed", "interrupted", "pruned",
  "failed". The other processes may be gone: no collective calls.
- `state_dict()` and `load_state_dict(state)`: what an exact continuation needs, of plain containers and tensors; saved
  with each checkpoint.

It is called in the main process alone, unless it says `everywhere = True`. `run` is a
`dl_runner.training.callbacks.Run`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Hooks:
    """Of a run without callbacks."""

    def check(self) -> None:
        """Before there is a run folder.

        Raises:
            UserError: a callback cannot work in this run.
        """

    def start(self) -> None:
        """Before the first step of this process."""

    def after_step(self) -> bool:
        """After each step: whether the run shall stop, the same in every process. A collective call if any callback
        looks at the steps."""
        return False

    def after_evaluation(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """After each evaluation: what else is to be reported. A collective call if there are callbacks."""
        return {}

    @contextmanager
    def ending(self) -> Iterator[None]:
        """However what is inside ends, the callbacks are told."""
        yield
