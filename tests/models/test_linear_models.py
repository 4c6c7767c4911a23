"""Linear, softmax and polynomial regression and the perceptron against their equations."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_specs import build
from specs import labelled, numbered
from torch.nn import functional as F

from dl_runner.errors import UserError
from dl_runner.registry import builder

quick = settings(max_examples=15, deadline=None)


def polynomial(degree: int = 3, outputs: int = 1, **options):
    return builder("model", "polynomial")(numbered((1,), outputs), degree=degree, **options)


@pytest.mark.parametrize("name", ["linear", "softmax"])
def test_the_linear_models_are_one_affine_map(name):
    model = build(name, (1, 4, 4), 3)
    images = torch.randn(2, 1, 4, 4)
    expected = images.reshape(2, 16) @ model[1].weight.T + model[1].bias
    torch.testing.assert_close(model(images), expected)


def test_softmax_needs_classes():
    with pytest.raises(
        UserError,
        match=r"model=softmax: needs classes, but .* numbers of shape \(1,\); use model=linear",
    ):
        builder("model", "softmax")(numbered((2,), 1))


@quick
@given(degree=st.integers(1, 40), x=st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=6))
def test_the_features_are_powers_over_factorials(degree, x):
    features = polynomial(degree)[0](torch.tensor(x).unsqueeze(1))
    expected = [[one**i / math.factorial(i) for i in range(degree + 1)] for one in x]
    torch.testing.assert_close(features, torch.tensor(expected, dtype=torch.float64).float(), rtol=1e-5, atol=1e-30)


def test_the_weights_are_the_polynomials_coefficients():
    coefficients = torch.tensor([[5.0, 1.2, -3.4, 5.6]])
    model, x = polynomial(3), torch.linspace(-2, 2, 50).unsqueeze(1)
    assert [tuple(one.shape) for one in model.parameters()] == [(1, 4)]
    y = 5 + 1.2 * x - 3.4 * x**2 / 2 + 5.6 * x**3 / 6
    model[1].weight.data = torch.linalg.lstsq(model[0](x), y).solution.T
    torch.testing.assert_close(model[1].weight.data, coefficients, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(model(x), y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("shape", "kind"), [((2,), "vector"), ((1, 28, 28), "image"), ((1, 1, 1), "image")])
def test_a_polynomial_has_one_variable(shape, kind):
    with pytest.raises(UserError) as caught:
        build("polynomial", shape)
    assert str(caught.value) == (
        f"model=polynomial: needs vectors of one feature, but one example of the data is {kind} of shape {shape}; "
        "use model=linear"
    )


def test_the_perceptron_answers_with_the_sign_of_its_score():
    model = build("perceptron", (3,), 2)
    assert {key: tuple(one.shape) for key, one in model.named_parameters()} == {"1.weight": (1, 3), "1.bias": (1,)}
    x = torch.randn(50, 3)
    score = (x @ model[1].weight.T + model[1].bias).squeeze(1)
    logits = model(x)
    assert torch.equal(logits.argmax(1), (score > 0).long()) and 0 < logits.argmax(1).sum() < 50
    torch.testing.assert_close(logits[:, 1] - logits[:, 0], score)
    labels = torch.arange(50) % 2
    logistic = F.binary_cross_entropy_with_logits(score, labels.float())
    torch.testing.assert_close(F.cross_entropy(logits, labels), logistic)


@pytest.mark.parametrize("label", [0, 1])
def test_a_step_on_the_perceptrons_loss_is_rosenblatts_update(label):
    model, x, y = build("perceptron", (3,), 2), torch.randn(1, 3), 2 * label - 1
    with torch.no_grad():
        model[1].bias -= y * 10  # far on the wrong side
    logits = model(x)
    F.relu(-y * (logits[:, 1] - logits[:, 0])).sum().backward()
    torch.testing.assert_close(-model[1].weight.grad, y * x)
    assert model[1].bias.grad.item() == -y


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (labelled((3,), 10), "needs two classes, but the data have 10; use model=softmax"),
        (numbered((3,), 2), r"needs classes, but the data's targets are numbers of shape \(2,\); use model=linear"),
    ],
)
def test_the_perceptron_tells_two_classes_apart(data, message):
    with pytest.raises(UserError, match=f"^model=perceptron: {message}$"):
        builder("model", "perceptron")(data)
