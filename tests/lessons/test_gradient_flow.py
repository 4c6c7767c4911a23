"""Gradients vanish through deep sigmoids and small weights, explode through large ones, and pass where those fit."""

import pytest
import torch
from lesson_runs import checked, hold

from dl_runner.lessons.gradient_flow import Networks
from dl_runner.running.lesson import Lesson

SMALL, XAVIER, KAIMING, LARGE = "normal (std 0.01)", "xavier_uniform", "kaiming", "normal (std 1.0)"


def test_depth_activation_and_initialization_decide(tmp_path):
    lesson = hold(tmp_path, "gradient_flow", "lesson.depths=[2,6,12]", "lesson.width=64", "data.batch_size=32")

    def ratio(activation: str, init: str) -> float:
        return lesson.metric(f"{activation}, {init}", "layer 1 over layer 12")

    def first(activation: str, init: str) -> list[float]:
        return [lesson.metric(f"{activation}, {init}", f"first weights at depth {depth}") for depth in (2, 6, 12)]

    for activation in ("sigmoid", "tanh", "relu"):
        assert ratio(activation, SMALL) < 1e-9
        assert first(activation, SMALL)[0] > 1e2 * first(activation, SMALL)[1] > 1e4 * first(activation, SMALL)[2]
    # At a quarter or less a layer, eleven sigmoids of Xavier weights leave no more than 4^-11.
    assert ratio("sigmoid", XAVIER) < 4.0**-10 and first("sigmoid", XAVIER)[2] < 1e-3 * first("sigmoid", XAVIER)[0]
    assert ratio("relu", LARGE) > 1e6 and ratio("tanh", LARGE) > 1e2
    assert first("relu", LARGE)[2] > 1e4 * first("relu", LARGE)[0]
    assert ratio("tanh", XAVIER) == pytest.approx(1, abs=0.9) and 0.1 < ratio("relu", KAIMING) < 10


def test_the_norms_are_those_of_the_gradients_that_backpropagation_leaves(tmp_path):
    lesson = Lesson(checked("experiment=lessons/gradient_flow", "data.batch_size=16"), tmp_path)
    init = {"name": "xavier_uniform"}
    networks = Networks(lesson)
    arriving, first = networks.gradient_norms([8, 6], "tanh", init)
    model = lesson.initial(lesson.change({"model.hidden": [8, 6], "model.activation": "tanh", "init": init})).double()
    batch = networks.batch
    torch.nn.functional.cross_entropy(model(batch.inputs), batch.targets).backward()
    assert first == pytest.approx(model[1].weight.grad.norm().item())
    # The bias is added to z, so its gradient is the sum of the examples' gradients by z: at most √n times theirs.
    assert len(arriving) == 2
    for norm, layer in zip(arriving, (model[1], model[3]), strict=True):
        assert 0 < layer.bias.grad.norm().item() <= 16**0.5 * norm
