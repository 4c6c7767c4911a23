"""ηλ below 1, for those optimizers and penalties where it matters."""

import pytest

from dl_runner.config.check import check_config as check
from dl_runner.config.compose import compose
from dl_runner.config.rules import check_decay
from dl_runner.config.stored import to_plain
from dl_runner.errors import UserError

NONE = {"weight_decay": 0.0, "l2": 0.0, "decoupled": 0.0}


@pytest.mark.parametrize(
    ("optimizer", "limited"),
    [
        ("sgd", {"weight_decay", "l2", "decoupled"}),
        ("momentum", {"weight_decay", "l2", "decoupled"}),
        ("asgd", {"weight_decay", "l2", "decoupled"}),
        ("sgd_scratch", {"weight_decay", "l2", "decoupled"}),
        ("adamw", {"weight_decay", "decoupled"}),
        ("adafactor", {"weight_decay", "decoupled"}),
        ("adam", {"decoupled"}),
        ("rmsprop", {"decoupled"}),
    ],
)
def test_a_step_that_would_turn_the_weights_is_refused(optimizer, limited):
    for key in NONE:
        check_decay(optimizer, 0.5, **NONE | {key: 1.99})
        if key not in limited:
            check_decay(optimizer, 0.5, **NONE | {key: 100.0})
            continue
        for strength, factor in ((2.0, "0"), (3.0, "-0.5")):
            with pytest.raises(UserError) as caught:
                check_decay(optimizer, 0.5, **NONE | {key: strength})
            message = str(caught.value)
            assert message.startswith(f"regularization.{key}={strength:g} with optimizer.lr=0.5: ")
            assert f"1 − ηλ = {factor}," in message


def test_what_decays_together_counts_together():
    check_decay("sgd", 0.5, weight_decay=0.9, l2=0.9, decoupled=0.0)
    with pytest.raises(UserError, match=r"decoupled=0\.9 \+ regularization\.weight_decay=0\.9 \+ .*l2=0\.9"):
        check_decay("sgd", 0.5, weight_decay=0.9, l2=0.9, decoupled=0.9)


def test_rprop_has_no_weight_decay():
    with pytest.raises(UserError, match=r"weight_decay=0\.1: optimizer rprop has none"):
        check_decay("rprop", 0.01, **NONE | {"weight_decay": 0.1})
    check_decay("rprop", 0.01, **NONE | {"l2": 0.1, "decoupled": 0.1})


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["optimizer.lr=2", "regularization=l2", "regularization.l2=0.5"], ["l2=0.5", "optimizer.lr=2", "below 1"]),
        (["optimizer=adamw", "optimizer.lr=2", "regularization.weight_decay=0.5"], ["weight_decay=0.5", "below 1"]),
        (["optimizer=rprop", "schedule=cosine"], ["schedule=cosine", "takes no schedule"]),
        (["optimizer=rprop", "schedule.warmup=3 steps"], ["schedule=constant", "takes no schedule"]),
        (["regularization=label_smoothing", "loss=perceptron"], ["label_smoothing=0.1", "loss=cross_entropy"]),
        (["regularization.label_smoothing=1"], ["label_smoothing=1", "below 1"]),
        (["regularization.max_norm=0"], ["max_norm=0", "above 0"]),
        (["regularization.l1=-1"], ["l1=-1", "at least 0"]),
        (["schedule=formula", "schedule.expression=x"], ["expression=x", "arithmetic expression"]),
    ],
)
def test_the_check_of_a_config_refuses_it_before_torch_is_needed(overrides, words):
    with pytest.raises(UserError) as caught:
        check(to_plain(compose(overrides)))
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in words)
