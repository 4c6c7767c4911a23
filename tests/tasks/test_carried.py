"""A hidden state from one batch to the next, whole or in parts."""

import torch
from torch import nn

from dl_runner.data.batch import Batch
from dl_runner.tasks.carried import CarriedState, empty_state, with_state


def batch(rows: int, continues: bool) -> Batch:
    places = torch.arange(rows)
    return Batch.of(places, places, {"tokens": torch.ones(rows, dtype=torch.int64)}, continues)


def passed(carried: CarriedState, whole: Batch, parts: int, state) -> list:
    """What each part begins with, where the state after each example is `state` of its place."""
    found = []
    for part in whole.parts(parts):
        found.append(carried.before(part))
        carried.keep(part, state(part.inputs))
    return found


def test_every_part_begins_where_its_own_rows_ended():
    for parts in (1, 2, 3, 5):
        carried = CarriedState()
        assert passed(carried, batch(5, False), parts, lambda rows: rows * 10) == [None] * parts
        assert carried.rows.tolist() == [0, 10, 20, 30, 40]
        begun = passed(carried, batch(5, True), parts, lambda rows: rows * 100)
        assert torch.cat(begun).tolist() == [0, 10, 20, 30, 40]
        assert carried.rows.tolist() == [0, 100, 200, 300, 400]


def test_a_batch_that_does_not_continue_begins_afresh_whatever_its_size():
    carried = CarriedState()
    passed(carried, batch(5, False), 2, lambda rows: rows)
    assert passed(carried, batch(3, False), 2, lambda rows: rows + 7) == [None, None]
    assert carried.rows.tolist() == [7, 8, 9]


def test_nothing_is_carried_for_a_model_without_a_state_and_no_gradient_ever():
    carried = CarriedState()
    assert passed(carried, batch(2, True), 1, lambda rows: None) == [None] and carried.rows is None
    passed(carried, batch(2, False), 2, lambda rows: rows.float().requires_grad_())
    assert not carried.rows.requires_grad


def test_a_batch_without_examples_leaves_rows_without_any():
    carried = CarriedState()
    empty = batch(0, False)
    carried.keep(empty, torch.zeros(0, 3))
    assert carried.rows.shape == (0, 3)


def test_a_state_is_asked_of_models_that_have_one_alone():
    assert with_state(lambda tokens: tokens + 1, torch.tensor([1]), None) == (torch.tensor([2]), None)
    assert with_state(lambda tokens, state: (tokens, state + 1), 1, 3) == (1, 4)


def test_a_state_of_any_kind_begins_as_the_model_says():
    class Counting(nn.Module):
        def empty_state(self, examples):
            return {"seen": [0] * examples}

        def forward(self, tokens, state=None):
            return tokens if state is None else (tokens, {"seen": [seen + 1 for seen in state["seen"]]})

    model = Counting()
    assert empty_state(nn.Linear(1, 1), 2) is None and with_state(model, 1, None) == (1, None)
    assert with_state(model, 1, empty_state(model, 2)) == (1, {"seen": [1, 1]})
