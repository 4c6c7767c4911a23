"""The largest derivatives, the sigmoid's quarter among them, and the derivatives against their formulas."""

import pytest
import torch
from lesson_runs import hold

from dl_runner.lessons.activations import with_derivative

LARGEST = {"sigmoid": 0.25, "tanh": 1, "relu": 1, "leaky_relu": 1, "step": 0, "sign": 0}
X = torch.linspace(-4, 4, 100)  # without the zero
FORMULAS = {
    "sigmoid": torch.sigmoid(X) * (1 - torch.sigmoid(X)),
    "tanh": 1 - X.tanh() ** 2,
    "relu": (X > 0).float(),
    "leaky_relu": torch.where(X > 0, 1, 0.01),
    "step": torch.zeros(100),
    "sign": torch.zeros(100),
}


def test_the_sigmoids_derivative_is_at_most_a_quarter(tmp_path):
    lesson = hold(tmp_path, "activations", f"lesson.functions=[{','.join(LARGEST)}]")
    for name, expected in LARGEST.items():
        assert lesson.metric(name, "largest derivative") == pytest.approx(expected)
    assert not (lesson.folder / "arms").exists()


@pytest.mark.parametrize("name", FORMULAS)
def test_derivatives_are_those_of_the_formulas(name):
    torch.testing.assert_close(with_derivative(name, X)[1], FORMULAS[name])


@pytest.mark.parametrize(("name", "values"), [("step", [0.0, 1.0]), ("sign", [-1.0, 1.0])])
def test_the_perceptrons_functions_have_two_values(name, values):
    assert with_derivative(name, X)[0].unique().tolist() == values
