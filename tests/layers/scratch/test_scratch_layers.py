"""Each from-scratch layer against torch's: outputs, gradients of inputs and parameters, running statistics."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from dl_runner.layers.scratch.activations import sigmoid, tanh
from dl_runner.layers.scratch.convolution import conv2d, corr2d, corr2d_1x1, corr2d_multi_in, corr2d_multi_in_out
from dl_runner.layers.scratch.embedding import embedding
from dl_runner.layers.scratch.pooling import pool2d
from dl_runner.layers.scratch.softmax import cross_entropy, log_sum_exp, softmax
from dl_runner.layers.scratch.swap import TWINS, from_scratch

quick = settings(max_examples=25, deadline=None)
few = st.integers(1, 4)
seeds = st.integers(0, 999)
# Single precision is what runs use; in double precision a wrong term cannot hide behind rounding.
precisions = st.sampled_from([(torch.float32, 1e-5), (torch.float64, 1e-12)])
ACTIVATIONS = [nn.ReLU(), nn.LeakyReLU(), nn.LeakyReLU(0.2), nn.Sigmoid(), nn.Tanh(), nn.GELU(), nn.Softmax(dim=-1)]


def assert_near(ours: Tensor, theirs: Tensor, tolerance: float, what: str = "output") -> None:
    """Equal up to `tolerance` times the largest magnitude, or 1 if that is larger."""
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype, what
    scale = max(1.0, theirs.abs().max().item()) if theirs.numel() else 1.0
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * scale, msg=lambda text: f"{what}: {text}")


def assert_twins(layer: nn.Module, inputs: list[Tensor], tolerance: float) -> None:
    """Torch's `layer` and its twin agree on every input in turn, in what they return, their gradients and state."""
    ours = from_scratch(copy.deepcopy(layer))
    assert type(ours) is TWINS[type(layer)]
    for x in inputs:
        outputs, gradients = [], []
        for one in (ours, layer):
            one.zero_grad()
            own = x.clone().requires_grad_()
            y = one(own)
            # Any fixed vector will do for the chain rule but a constant one, which batch normalization maps to 0.
            y.backward(torch.linspace(-1, 1, y.numel(), dtype=y.dtype).reshape(y.shape).cos())
            outputs.append(y.detach())
            gradients.append({"input": own.grad} | {name: value.grad for name, value in one.named_parameters()})
        assert_near(*outputs, tolerance)
        assert gradients[0].keys() == gradients[1].keys()
        for name in gradients[1]:
            assert_near(gradients[0][name], gradients[1][name], tolerance, f"gradient of {name}")
        for (name, own), theirs in zip(ours.named_buffers(), layer.buffers(), strict=True):
            assert_near(own, theirs, tolerance, name)


def randn(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@quick
@given(leading=st.lists(few, min_size=1, max_size=3), inputs=few, outputs=few, bias=st.booleans(), at=precisions)
def test_linear(leading, inputs, outputs, bias, at):
    dtype, tolerance = at
    assert_twins(
        nn.Linear(inputs, outputs, bias, dtype=dtype), [randn(*leading, inputs, seed=0, dtype=dtype)], tolerance
    )


@quick
@given(shape=st.lists(few, min_size=1, max_size=5), data=st.data())
def test_flatten(shape, data):
    first = data.draw(st.integers(0, len(shape) - 1))
    last = data.draw(st.integers(first, len(shape) - 1)) - data.draw(st.sampled_from([0, len(shape)]))
    assert_twins(nn.Flatten(first, last), [randn(*shape, seed=0)], 0)


@st.composite
def images(draw: st.DrawFn, largest_padding: int | None = None) -> tuple[tuple[int, int, int, int], dict]:
    """An image's shape, and the settings of a window that fits into it."""
    kernel, stride = draw(st.tuples(few, few)), draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = tuple(draw(st.integers(0, k // 2 if largest_padding is None else largest_padding)) for k in kernel)
    sides = [max(1, k - 2 * p) + draw(st.integers(0, 5)) for k, p in zip(kernel, padding, strict=True)]
    return (draw(few), draw(few), *sides), {"kernel_size": kernel, "stride": stride, "padding": padding}


@settings(max_examples=60, deadline=None)
@given(image=images(largest_padding=3), outputs=few, bias=st.booleans(), seed=seeds, at=precisions)
def test_conv2d(image, outputs, bias, seed, at):
    (shape, window), (dtype, tolerance) = image, at
    layer = nn.Conv2d(shape[1], outputs, bias=bias, dtype=dtype, **window)
    assert_twins(layer, [randn(*shape, seed=seed, dtype=dtype)], tolerance)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(few, few, few, few),
    kernel=st.tuples(few, few),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    outputs=few,
    bias=st.booleans(),
    seed=seeds,
    at=precisions,
    data=st.data(),
)
def test_conv_transpose2d(shape, kernel, stride, outputs, bias, seed, at, data):
    dtype, tolerance = at
    sizes = [(side - 1) * step + size for side, step, size in zip(shape[2:], stride, kernel, strict=True)]
    padding = tuple(data.draw(st.integers(0, (size - 1) // 2)) for size in sizes)  # a pixel is left
    layer = nn.ConvTranspose2d(shape[1], outputs, kernel, stride, padding, bias=bias, dtype=dtype)
    assert_twins(layer, [randn(*shape, seed=seed, dtype=dtype)], tolerance)


def test_conv2d_returns_what_view_can_reshape():
    assert conv2d(torch.rand(3, 2, 5, 5), torch.rand(4, 2, 3, 3)).view(3, -1).shape == (3, 36)


@settings(max_examples=60, deadline=None)
@given(image=images(), kind=st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]), ties=st.booleans(), seed=seeds)
def test_pooling(image, kind, ties, seed):
    shape, window = image
    x = randn(*shape, seed=seed)
    # Rounded inputs make equal maxima, of which the first gets the gradient.
    assert_twins(kind(**window), [x.round() if ties else x], 1e-12)


@pytest.mark.parametrize("kind", [nn.MaxPool2d, nn.AvgPool2d])
def test_pooling_windows_lie_side_by_side_unless_said(kind):
    assert_twins(kind(2), [randn(2, 3, 7, 6, seed=0)], 1e-12)
    x = randn(2, 3, 7, 6, seed=0)
    mode = "max" if kind is nn.MaxPool2d else "average"
    assert torch.equal(pool2d(x, (3, 2), mode), pool2d(x, (3, 2), mode, stride=(3, 2)))


@pytest.mark.parametrize("size", [1, (1, 1)])
def test_global_average(size):
    assert_twins(nn.AdaptiveAvgPool2d(size), [randn(2, 3, 5, 4, seed=0)], 1e-12)


@pytest.mark.parametrize("call", [lambda x: conv2d(x, torch.rand(1, 1, 5, 2)), lambda x: pool2d(x, (2, 5))])
def test_a_window_that_does_not_fit_is_an_error(call):
    with pytest.raises(ValueError, match=r"a window of .* does not fit into an image of \(4, 4\) pixels"):
        call(torch.rand(1, 1, 4, 4))


def normalization(kind: type, channels: int, seed: int, dtype: torch.dtype, **settings) -> nn.Module:
    """A layer whose parameters and statistics are not the ones and zeros that would hide them."""
    layer = kind(channels, dtype=dtype, **settings)
    for value, add in [(layer.weight, 0.5), (layer.bias, 0), (layer.running_mean, 0), (layer.running_var, 2)]:
        if value is not None:
            value.data.copy_(randn(channels, seed=seed + 1).clamp(-1.5, 1.5) + add)
    return layer


@settings(max_examples=60, deadline=None)
@given(
    rest=st.lists(few, max_size=2),
    batch=st.integers(2, 5),
    channels=few,
    momentum=st.sampled_from([0.1, 0.3, 1.0]),
    eps=st.sampled_from([1e-5, 1e-2]),
    affine=st.booleans(),
    seed=seeds,
)
def test_batch_norm(rest, batch, channels, momentum, eps, affine, seed):
    kind = nn.BatchNorm2d if len(rest) == 2 else nn.BatchNorm1d
    layer = normalization(kind, channels, seed, torch.float64, momentum=momentum, eps=eps, affine=affine)
    batches = [3 * randn(batch + i, channels, *rest, seed=seed + i) + 1 for i in range(3)]
    assert_twins(layer.train(), batches, 1e-9)
    assert layer.num_batches_tracked == 3
    assert_twins(layer.eval(), batches[:1], 1e-12)


@quick
@given(batch=st.integers(4, 9), channels=few, side=st.integers(2, 6), seed=seeds)
def test_batch_norm_in_single_precision(batch, channels, side, seed):
    layer = normalization(nn.BatchNorm2d, channels, seed, torch.float32)
    batches = [randn(batch, channels, side, side, seed=seed + i, dtype=torch.float32) for i in range(3)]
    assert_twins(layer.train(), batches, 1e-5)
    assert_twins(layer.eval(), batches, 1e-5)


def test_batch_norm_keeps_half_precision_and_computes_in_single():
    layer = normalization(nn.BatchNorm2d, 3, 0, torch.float32)
    x = (20 + randn(64, 3, 8, 8, seed=0)).to(torch.bfloat16)
    ours = from_scratch(copy.deepcopy(layer))
    y = ours(x)
    assert y.dtype == torch.bfloat16
    layer(x.float())
    assert_near(ours.running_var, layer.running_var, 1e-5)


@pytest.mark.parametrize(("kind", "shape"), [(nn.BatchNorm1d, (1, 3)), (nn.BatchNorm2d, (1, 3, 1, 1))])
def test_batch_norm_cannot_train_on_one_value(kind, shape):
    layer = from_scratch(kind(3))
    with pytest.raises(ValueError, match="more than one value per channel"):
        layer(torch.rand(shape))
    assert layer.eval()(torch.rand(shape)).shape == shape


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=repr)
@quick
@given(
    shape=st.lists(few, min_size=1, max_size=4), scale=st.sampled_from([1e-3, 1, 30, 1e3]), seed=seeds, at=precisions
)
def test_activations(layer, shape, scale, seed, at):
    dtype, tolerance = at
    assert_twins(layer, [scale * randn(*shape, seed=seed, dtype=dtype)], tolerance)


@pytest.mark.parametrize("layer", ACTIVATIONS[:-1], ids=repr)
def test_activations_at_zero_and_at_the_ends(layer):
    assert_twins(layer, [torch.tensor([0.0, -0.0, 1e-30, -1e-30, 1e30, -1e30, 88.8, -88.8, 104.0, -104.0])], 1e-6)
    assert from_scratch(copy.deepcopy(layer))(torch.tensor(math.nan)).isnan()


def test_small_arguments_keep_their_digits():
    x = torch.logspace(-12, 0, 50)
    torch.testing.assert_close(tanh(x), torch.tanh(x), rtol=1e-6, atol=0)
    torch.testing.assert_close(sigmoid(-50 * x), torch.sigmoid(-50 * x), rtol=1e-5, atol=0)


def test_max_pooling_does_not_hide_a_nan():
    for place in range(4):
        x = torch.zeros(4).index_fill(0, torch.tensor(place), math.nan).reshape(1, 1, 2, 2)
        assert pool2d(x, (2, 2)).isnan().all()


@quick
@given(shape=st.lists(few, min_size=1, max_size=4), p=st.sampled_from([0.1, 0.5, 0.9, 1.0]), seed=seeds)
def test_dropout_drops_what_torchs_drops_with_the_same_seed(shape, p, seed):
    x = randn(*shape, seed=seed, dtype=torch.float32)
    results = []
    for layer in (nn.Dropout(p), from_scratch(nn.Dropout(p))):
        torch.manual_seed(seed)
        own = x.clone().requires_grad_()
        y = layer(own)
        y.sum().backward()
        results.append((y, own.grad))
    for ours, theirs in zip(*results, strict=True):
        assert_near(ours, theirs, 1e-6)


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_dropout_keeps_a_fraction_and_the_mean(p):
    torch.manual_seed(0)
    y = from_scratch(nn.Dropout(p))(torch.ones(n := 100_000))
    assert set(y.unique().tolist()) == {0.0, torch.tensor(1 / (1 - p)).item()}
    assert abs((y == 0).float().mean() - p) < 6 * math.sqrt(p * (1 - p) / n)
    assert abs(y.mean() - 1) < 6 * math.sqrt(p / (1 - p) / n)


def test_dropout_is_off_in_evaluation_and_at_zero():
    x = torch.rand(50)
    assert torch.equal(from_scratch(nn.Dropout(0.5)).eval()(x), x)
    assert torch.equal(from_scratch(nn.Dropout(0.0)).train()(x), x)


def test_corr2d_is_the_notes_example():
    image, kernel = torch.arange(9.0).reshape(3, 3), torch.arange(4.0).reshape(2, 2)
    assert corr2d(image, kernel).tolist() == [[19, 25], [37, 43]]
    both = torch.stack([image, image + 1]), torch.stack([kernel, kernel + 1])
    assert corr2d_multi_in(*both).tolist() == [[56, 72], [104, 120]]


@quick
@given(image=images(largest_padding=0), outputs=few, seed=seeds)
def test_the_steps_from_one_channel_to_a_layer_agree(image, outputs, seed):
    (_, channels, *sides), window = image
    x, kernels = randn(channels, *sides, seed=seed), randn(outputs, channels, *window["kernel_size"], seed=seed + 1)
    expected = F.conv2d(x[None], kernels)[0]
    assert_near(corr2d_multi_in_out(x, kernels), expected, 1e-12)
    assert_near(corr2d_multi_in(x, kernels[0]), expected[0], 1e-12)
    assert_near(corr2d(x[0], kernels[0, 0]), F.conv2d(x[:1][None], kernels[:1, :1])[0, 0], 1e-12)
    pointwise = kernels[:, :, 0, 0]
    assert_near(corr2d_1x1(x, pointwise), F.conv2d(x[None], pointwise[:, :, None, None])[0], 1e-12)


@quick
@given(batch=few, classes=st.integers(1, 6), scale=st.sampled_from([1, 100, 1e4]), seed=seeds, at=precisions)
def test_softmax_and_cross_entropy(batch, classes, scale, seed, at):
    dtype, tolerance = at
    logits = (scale * randn(batch, classes, seed=seed, dtype=dtype)).requires_grad_()
    labels = torch.randint(classes, (batch,), generator=torch.Generator().manual_seed(seed))
    assert_near(softmax(logits), logits.softmax(-1), tolerance)
    assert_near(softmax(logits, 0), logits.softmax(0), tolerance)
    assert_near(log_sum_exp(logits, 1), logits.logsumexp(1), tolerance)
    ours, theirs = cross_entropy(logits, labels), F.cross_entropy(logits, labels)
    assert_near(ours, theirs, tolerance)
    assert_near(*(torch.autograd.grad(loss, logits)[0] for loss in (ours, theirs)), tolerance)


def test_cross_entropy_sums_half_precision_logits_in_single():
    logits = randn(8, 100, seed=0, dtype=torch.bfloat16)
    loss = cross_entropy(logits, torch.arange(8))
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, F.cross_entropy(logits.float(), torch.arange(8)))


@pytest.mark.parametrize("padding", [None, 0, 3])
def test_embedding(padding):
    ours, theirs = embedding, nn.Embedding(4, 3, padding_idx=padding, dtype=torch.float64)
    x, rows = torch.tensor([[0, 3, 3], [1, 0, 2]]), [theirs.weight.detach().clone().requires_grad_() for _ in range(2)]
    for function, weight in ((ours, rows[0]), (F.embedding, rows[1])):
        function(x, weight, padding).square().sum().backward()
    assert torch.equal(ours(x, rows[0], padding), F.embedding(x, rows[1]))
    assert torch.equal(rows[0].grad, rows[1].grad)
    swapped = from_scratch(copy.deepcopy(theirs))
    assert type(swapped) is TWINS[nn.Embedding] and torch.equal(swapped(x), theirs(x))
