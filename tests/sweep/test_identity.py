"""A job is what it computes, wherever it does."""

import copy
import functools

import pytest

from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.sweep.identity import identity


@functools.cache
def of(*overrides, varied=()):
    return identity(to_plain(compose(overrides)), varied)


@pytest.mark.parametrize(
    "placement",
    [
        *("outputs=elsewhere", "tracker.console=none", "tracker.tensorboard=false", "device.name=cpu"),
        *("device.threads=1", "data.root=/data", "sweep.retries=3", "sweep=random", "optimizer.lr=0.10"),
    ],
)
def test_place_and_appearance_make_no_other_job(placement):
    assert of(placement) == of()


@pytest.mark.parametrize(
    "change",
    [
        *("seed=1", "optimizer.lr=0.2", "model=mlp", "trainer.steps=9", "data.batch_size=32", "plugins=[mine]"),
        *("device.precision=fp32", "device.memory_format=contiguous", "model.dropout=0.1"),
    ],
)
def test_what_changes_the_numbers_makes_another_job(change):
    assert of(change) != of()


def test_what_a_sweep_varies_counts_whatever_it_is():
    for varied in ("device.name", "device"):
        assert of("device=cpu", varied=(varied,)) != of("device=cuda", varied=(varied,))
        assert of("device.threads=1", "outputs=a", varied=("device.name",)) == of(varied=("device.name",))
    assert of("tracker.tensorboard=false", varied=("tracker.tensorboard",)) != of(varied=("tracker.tensorboard",))


def test_neither_the_order_of_keys_nor_the_way_a_number_is_written_matters():
    plain = to_plain(compose(["optimizer.lr=1"]))
    turned = dict(reversed(list(copy.deepcopy(plain).items())))
    turned["optimizer"]["lr"] = 1.0
    assert identity(turned) == identity(plain) == identity(plain)
    assert len(identity(plain)) == 16
