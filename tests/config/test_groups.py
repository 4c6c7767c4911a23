"""Groups of parameters as the config writes them."""

import pytest

from dl_runner.config.durations import Steps
from dl_runner.config.groups import GroupConfig, Groups


def test_a_stack_is_a_group_for_each_layer_slower_and_later_than_the_one_before():
    found = Groups.parse(
        [{"match": "head.*", "lr": 10}, {"layers": ["c.*", "b.*", "*"], "decay": 0.5, "every": "2 epochs"}]
    )
    assert found == (
        GroupConfig("head.*", 10.0),
        GroupConfig("c.*", 1.0),
        GroupConfig("b.*", 0.5, Steps(2, "epoch")),
        GroupConfig("*", 0.25, Steps(4, "epoch")),
    )


def test_a_stack_may_begin_later_and_at_another_rate():
    found = Groups.parse([{"layers": ["b", "a"], "lr": 3, "from": "5 steps", "every": "10 steps"}])
    assert found == (GroupConfig("b", 3.0, Steps(5, "step")), GroupConfig("a", 3.0, Steps(15, "step")))
    assert Groups.parse([{"layers": ["b", "a"], "from": "1 epoch"}])[1].start == Steps(1, "epoch")
    assert Groups.parse([]) == ()


@pytest.mark.parametrize(
    "entry",
    [
        {"layers": []},
        {"layers": "a"},
        {"layers": ["a", ""]},
        {"layers": ["a"], "decay": 0},
        {"layers": ["a"], "lr": 0},
        {"layers": ["a"], "match": "a"},
        {"layers": ["a"], "every": 2},
        {"layers": ["a"], "from": "1 epoch", "every": "10 steps"},
        {"layers": ["a"], "decay": True},
    ],
)
def test_what_is_no_stack_is_refused(entry):
    with pytest.raises(ValueError, match="is not a"):
        Groups.parse([entry])
