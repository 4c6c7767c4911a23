"""When a metric that is no sum is measured."""

from types import SimpleNamespace

import pytest

from dl_runner.config.durations import Horizon, Steps
from dl_runner.training.intervals import Intervals
from dl_runner.training.loop import _meter_due


@pytest.mark.parametrize(
    ("meter", "measured"),
    [
        (None, [29, 58, 87, 116, 145, 174]),
        ("1 epoch", [29, 58, 87, 116, 145, 174]),
        ("2 epochs", [58, 116, 174]),
        ("50 steps", [58, 116, 174]),
        ("70 steps", [87, 145, 174]),
        ("1000 steps", [174]),
    ],
)
def test_at_the_first_evaluation_after_so_many_steps_and_at_the_end(meter, measured):
    every = Steps.parse("1 epoch")
    intervals = Intervals(every, every, every, meter=meter and Steps.parse(meter))
    found = []
    for step in range(29, 175, 29):
        run = SimpleNamespace(intervals=intervals, step=step, horizon=Horizon(174, 29))
        found += [step] if _meter_due(run) else []
    assert found == measured
