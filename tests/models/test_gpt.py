"""GPT: what a place sees, its parameters, and generation with and without the cache."""

import math

import pytest
import torch
from specs import labelled
from torch import nn

from dl_runner.errors import UserError
from dl_runner.layers.scratch.swap import from_scratch
from dl_runner.models.gpt import gpt
from dl_runner.spec import DataSpec, Tokens
from dl_runner.tasks.generation import generate

CONTEXT, WORDS = 6, 11
SPEC = DataSpec(Tokens(WORDS, CONTEXT), Tokens(WORDS, CONTEXT), "language_model")
KINDS = [
    {},
    {"positions": "sinusoidal", "norm": "post", "bias": True, "tied": False},
    {"norm": "post", "heads": 1},
    {"positions": "sinusoidal", "heads": 4},
]


def model(scratch: bool = False, **options) -> nn.Module:
    """Weights large enough that every token matters."""
    torch.manual_seed(0)
    net = gpt(SPEC, **{"layers": 2, "heads": 2, "width": 8} | options).double()
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5)
    return (from_scratch(net) if scratch else net).eval()


def inputs(rows: int = 3, length: int = CONTEXT) -> torch.Tensor:
    return torch.randint(WORDS, (rows, length), generator=torch.Generator().manual_seed(0))


class Uncached(nn.Module):
    """The same model, which does not say that it has a state."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.net(tokens)


@pytest.mark.parametrize("scratch", [False, True])
@pytest.mark.parametrize("options", KINDS)
@torch.no_grad()
def test_no_place_sees_a_later_one_and_each_sees_all_before(options, scratch):
    net, tokens = model(scratch, **options), inputs()
    logits = net(tokens)
    for place in range(CONTEXT):
        other = tokens.clone()
        other[:, place] = (other[:, place] + 1) % WORDS
        changed = net(other)
        assert torch.equal(changed[:, :place], logits[:, :place])
        assert (changed[:, place:] != logits[:, place:]).any(-1).all()


@pytest.mark.parametrize("options", KINDS)
@torch.no_grad()
def test_no_row_of_a_batch_influences_another(options):
    net, tokens = model(**options), inputs()
    other = tokens.clone()
    other[1] = (other[1] + 1) % WORDS
    one, two = net(tokens), net(other)
    assert torch.equal(one[[0, 2]], two[[0, 2]]) and not torch.equal(one[1], two[1])


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("pieces", [[1] * 6, [3, 3], [4, 1, 1], [2, 3, 1]])
@torch.no_grad()
def test_the_cache_changes_no_logit(options, pieces):
    net, tokens = model(**options), inputs()
    state, found = net.empty_state(3), []
    for piece in tokens.split(pieces, dim=1):
        logits, state = net(piece, state=state)
        found.append(logits)
    torch.testing.assert_close(torch.cat(found, 1), net(tokens), rtol=0, atol=1e-12)


@pytest.mark.parametrize("scratch", [False, True])
@pytest.mark.parametrize("options", KINDS)
@torch.no_grad()
def test_past_the_context_the_cache_holds_what_the_last_tokens_alone_would_make(options, scratch):
    net, tokens = model(scratch, **options), inputs(2, 3 * CONTEXT)
    state = net.empty_state(2)
    for end in range(1, tokens.shape[1] + 1):
        logits, state = net(tokens[:, end - 1 : end], state=state)
        window = tokens[:, max(0, end - CONTEXT) : end]
        torch.testing.assert_close(logits[:, -1], net(window)[:, -1], rtol=0, atol=1e-12)
        assert torch.equal(state.tokens, window)


@pytest.mark.parametrize("prompt", [[3], [1, 2, 3, 4], [5] * CONTEXT, list(range(10))])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
@torch.no_grad()
def test_generation_is_the_same_with_and_without_the_cache(prompt, temperature):
    net = model()
    options = {"context": CONTEXT, "temperature": temperature, "seed": 3}
    found = generate(net, prompt, 20, **options)
    assert found == generate(Uncached(net), prompt, 20, **options)
    # A longer prompt is cut to the context.
    assert found == generate(net, prompt[-CONTEXT:], 20, **options)


@torch.no_grad()
def test_the_cache_is_read_and_not_the_text_again():
    net, lengths = model(), []
    net.embedding.register_forward_hook(lambda layer, args, output: lengths.append(args[0].shape[1]))
    generate(net, [1, 2], 6, context=CONTEXT)
    assert lengths == [2, 1, 1, 1, 1, CONTEXT]


@torch.no_grad()
def test_a_state_is_a_value_that_may_be_gone_on_from_twice():
    net, tokens = model(), inputs()
    _, state = net(tokens[:, :3], state=net.empty_state(3))
    first = net(tokens[:, 3:4], state=state)[0]
    net(tokens[:, 4:6], state=state)
    assert torch.equal(first, net(tokens[:, 3:4], state=state)[0])


@pytest.mark.parametrize("options", KINDS)
def test_its_twin_has_its_gradients(options):
    net, tokens = model(**options), inputs()
    found = []
    for one in (net, from_scratch(net)):
        one.zero_grad()
        logits = one(tokens)
        logits.sin().sum().backward()
        found.append([logits.detach(), *(parameter.grad.clone() for parameter in one.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_parameters_are_counted_as_in_the_formula(bias, tied):
    net, width = gpt(SPEC, layers=3, heads=2, width=8, bias=bias, tied=tied), 8
    block = 12 * width**2 + 2 * width + bias * (9 * width + 2 * width)
    expected = (WORDS + CONTEXT) * width + 3 * block + width + bias * width + (not tied) * WORDS * width
    assert sum(parameter.numel() for parameter in net.parameters()) == expected
    assert (net.head.weight is net.embedding.weight) is tied


def test_the_first_loss_is_that_of_a_guess_and_sums_of_blocks_begin_small():
    torch.manual_seed(0)
    net = gpt(SPEC, layers=8, width=64)
    loss = nn.functional.cross_entropy(net(inputs(64)).flatten(0, 1), inputs(64).roll(-1, 1).flatten())
    assert loss.item() == pytest.approx(math.log(WORDS), rel=0.05)
    assert net.blocks[3].attention.join.weight.std().item() == pytest.approx(0.02 / 4, rel=0.1)
    assert net.blocks[3].attention.project.weight.std().item() == pytest.approx(0.02, rel=0.1)


def test_dropout_is_in_training_only():
    net = model(dropout=0.5).train()
    assert not torch.equal(net(inputs()), net(inputs()))
    net.eval()
    assert torch.equal(net(inputs()), net(inputs()))
    assert {one.p for one in net.modules() if isinstance(one, nn.Dropout)} == {0.5}
    assert {block.attention.attend.dropout for block in net.blocks} == {0.5}


def test_what_does_not_fit_is_one_line():
    with pytest.raises(UserError, match=r"^model\.heads=3: must divide model\.width=8, [^\n]*$"):
        gpt(SPEC, heads=3, width=8)
    with pytest.raises(UserError, match="model=gpt: needs tokens, but the data's inputs are image"):
        gpt(labelled((1, 8, 8), 10))


def test_without_a_mask_nothing_is_kept_between_tokens():
    assert gpt(DataSpec(Tokens(9, 4), Tokens(9, 4), "language_model"), width=8, causal=False).empty_state(1) is None
