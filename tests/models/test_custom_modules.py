"""The models that show how modules are made: reuse, ties, nesting, fixed weights and loops."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_specs import build
from torch import nn
from torch.nn import functional as F

from dl_runner.layers.affine import Affine
from dl_runner.layers.centered import Centered

quick = settings(max_examples=15, deadline=None)


def entering(model: nn.Module, layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What `layer` is given when the model is."""
    seen = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(x)
    handle.remove()
    return seen[-1]


def test_fixed_hidden_is_its_equation():
    model, x = build("fixed_hidden", (5,), 3, hidden=8).double(), torch.randn(4, 5, dtype=torch.float64)
    z = F.relu(model.shared(F.relu(model.first(x))) @ model.fixed + 1)
    z = model.shared(z)
    # Halving until the norm is at most 1 divides by the least power of two that is enough.
    halvings = z.norm(dim=1, keepdim=True).log2().ceil().clamp(min=0)
    torch.testing.assert_close(model(x), model.last(z / 2**halvings))


def test_fixed_hidden_learns_all_but_the_fixed_weight():
    model = build("fixed_hidden", (5,), 3)
    assert "fixed" in model.state_dict() and "fixed" not in dict(model.named_parameters())
    before = {key: value.clone() for key, value in model.state_dict().items()}
    F.cross_entropy(model(torch.randn(4, 5)), torch.arange(4) % 3).backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    after = model.state_dict()
    assert [key for key in before if torch.equal(before[key], after[key])] == ["fixed"]


@quick
@given(scale=st.floats(1e-3, 1e15), seed=st.integers(0, 9))
def test_fixed_hidden_halves_until_the_norm_is_at_most_one(scale, seed):
    model = build("fixed_hidden", (5,), 3, seed=seed)
    x = scale * torch.randn(4, 5)
    norms = entering(model, model.last, x).norm(dim=1)
    assert (norms <= 1).all() and (norms > 0).all()
    torch.testing.assert_close(model(x)[:1], model(x[:1]))  # each example for itself


def test_fixed_hidden_ends_on_what_halving_cannot_help():
    x = torch.tensor([[torch.inf] * 5, [torch.nan] * 5, [1.0] * 5])
    model = build("fixed_hidden", (5,), 3)
    assert model(x).isfinite().all(dim=1).tolist() == [False, False, True]


def test_a_tied_layer_is_stored_once_and_its_gradient_is_the_sum_over_its_uses():
    model = build("tied_mlp", (5,), 3, hidden=8)
    assert [name for name, _ in model.named_parameters()] == list(model.state_dict())
    untied = build("mlp", (5,), 3, hidden=[8, 8, 8])
    layers = [layer for layer in untied if isinstance(layer, nn.Linear)]
    for layer, own in zip(layers, (model.first, model.shared, model.shared, model.last), strict=True):
        layer.load_state_dict(own.state_dict())
    x, labels = torch.randn(4, 5), torch.arange(4) % 3
    torch.testing.assert_close(model(x), untied(x))
    for one in (model, untied):
        F.cross_entropy(one(x), labels).backward()
    torch.testing.assert_close(model.shared.weight.grad, layers[1].weight.grad + layers[2].weight.grad)
    assert layers[1].weight.grad.any() and layers[2].weight.grad.any()


def test_nested_blocks_hold_blocks():
    model = build("nested_mlp", (5,), 3, wide=6, narrow=4, blocks=3)
    assert [(key, tuple(one.shape)) for key, one in model.named_parameters() if one.ndim == 2] == [
        ("1.0.0.0.weight", (6, 5)),
        ("1.0.1.weight", (4, 6)),
        ("1.1.0.0.weight", (6, 4)),
        ("1.1.1.weight", (4, 6)),
        ("1.2.0.0.weight", (6, 4)),
        ("1.2.1.weight", (4, 6)),
        ("2.weight", (3, 4)),
    ]
    flat = [layer for layer in model.modules() if isinstance(layer, nn.Linear | nn.ReLU)]
    assert [type(layer) for layer in flat] == [nn.Linear, nn.ReLU] * 6 + [nn.Linear]
    x = torch.randn(2, 5)
    assert torch.equal(nn.Sequential(*flat)(x), model(x))


def test_centered_mlp_has_our_own_layers_and_centers_its_hidden_units():
    model, x = build("centered_mlp", (5,), 3, hidden=8), torch.randn(4, 5)
    assert [type(layer) for layer in model] == [nn.Flatten, Affine, Centered, nn.ReLU, Affine]
    hidden = entering(model, model[3], x)
    torch.testing.assert_close(hidden.mean(dim=1), torch.zeros(4))
    assert hidden.std(dim=1).min() > 0.1
