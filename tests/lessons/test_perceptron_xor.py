"""The perceptron ends its mistakes within the bound where a line exists, never on XOR, which two layers solve."""

import numpy as np
from lesson_runs import hold

LINE, XOR, LAYERS = "perceptron, separable points", "perceptron, XOR", "two-layer MLP, XOR"


def test_only_the_two_layers_solve_xor(tmp_path):
    options = ("trainer.epochs=4", "data.examples=60", "lesson.margin=0.2", "lesson.rate=1")
    lesson = hold(tmp_path, "perceptron_xor", *options)
    assert lesson.metric(LINE, "train/accuracy") == 1.0 and lesson.metric(LINE, "test/accuracy") > 0.9
    assert lesson.metric(LAYERS, "test/accuracy") > 0.98
    assert max(lesson.curve("perceptron,_XOR", "test/accuracy")) <= 0.76
    assert 1 <= lesson.metric(LINE, "updates") <= (2.0**2 + 1) / (0.2 * 2.0) ** 2
    assert lesson.metric(XOR, "updates") > 60  # of 240 examples
    weights = np.array(lesson.curve("perceptron,_separable_points", "train/weight_norm"))
    steps = np.count_nonzero(np.diff(weights, prepend=0))
    assert steps == lesson.metric(LINE, "updates")
    assert weights[-60:].std() == 0 and np.diff(lesson.curve("perceptron,_XOR", "train/weight_norm"))[-60:].any()
