"""One seed for every generator, and a state that a run goes on from."""

import io
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dl_runner.runtime.seeding import rng_state, seed_everything, set_rng_state


@pytest.fixture(autouse=True)
def leave_the_generators_as_they_were():
    python, numpy, state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(state)


def draws(seed: int) -> list[float]:
    seed_everything(seed)
    return [random.random(), np.random.rand(), torch.rand(1).item()]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**80))
def test_the_same_seed_draws_the_same_and_the_next_seed_draws_anew(seed):
    first, again, other = draws(seed), draws(seed), draws(seed + 1)
    assert first == again
    assert all(one != two for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize("drawn", [0, 1, 700])
def test_dropout_goes_on_where_the_state_was_taken(drawn):
    dropout = nn.Dropout(0.5)
    seed_everything(0)
    torch.rand(drawn)
    state = rng_state()
    expected = [dropout(torch.ones(50)) for _ in range(3)]
    assert not torch.equal(dropout(torch.ones(50)), expected[0])
    set_rng_state(state)
    assert all(torch.equal(dropout(torch.ones(50)), one) for one in expected)


def test_the_state_is_a_snapshot_that_loads_without_code():
    seed_everything(1)
    state = rng_state()
    file = io.BytesIO()
    torch.save(state, file)
    expected = torch.rand(5)
    file.seek(0)
    set_rng_state(torch.load(file, weights_only=True))
    assert torch.equal(torch.rand(5), expected)


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without CUDA")
def test_the_state_of_absent_devices_is_left_out():
    state = rng_state()
    assert state["cuda"] == []
    expected = torch.rand(3)
    set_rng_state(state | {"cuda": [torch.zeros(16, dtype=torch.uint8)]})
    assert torch.equal(torch.rand(3), expected)


def test_pythons_and_numpys_generators_are_part_of_the_state_as_plain_containers(tmp_path):
    seed_everything(3)
    random.random(), np.random.randn()  # an odd number of normal draws leaves one in store
    torch.save(rng_state(), tmp_path / "state.pt")
    expected = random.random(), np.random.randn(3).tolist(), torch.rand(2).tolist()
    seed_everything(4)
    set_rng_state(torch.load(tmp_path / "state.pt", weights_only=True))
    assert (random.random(), np.random.randn(3).tolist(), torch.rand(2).tolist()) == expected
