"""Text from a model: greedy, sampled, with a state or a window of its past."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dl_runner.models.recurrent import recurrent
from dl_runner.spec import DataSpec, Tokens
from dl_runner.tasks.generation import generate

TOKENS = Tokens(9, 4)


def model() -> nn.Module:
    torch.manual_seed(0)
    return recurrent(DataSpec(TOKENS, TOKENS, "language_model"), cell="gru", hidden=8).double().eval()


class Counting(nn.Module):
    """Sure of the number of tokens that it sees; without a state."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return nn.functional.one_hot(torch.full_like(tokens, tokens.shape[1]), 9).double() * 50


@torch.no_grad()
def test_a_carried_state_writes_what_reading_everything_again_would():
    net, tokens = model(), [3, 1, 4]
    found = generate(net, tokens, 6, context=4, temperature=0)
    for _ in range(6):
        tokens = [*tokens, int(net(torch.tensor([tokens]))[0][0, -1].argmax())]
    assert found == tokens[3:]


def test_a_model_without_a_state_sees_its_context():
    assert generate(Counting(), [0, 0], 5, context=4) == [2, 3, 4, 4, 4]
    assert generate(Counting(), [0] * 7, 2, context=4) == [4, 4]


@torch.no_grad()
def test_a_model_with_a_state_reads_all_of_a_prompt_that_is_longer_than_the_context():
    net, prompt = model(), [3, 1, 4, 1, 5, 0, 2, 6, 5]
    assert generate(net, prompt, 6, context=4, temperature=0) == generate(net, prompt, 6, context=9, temperature=0)
    assert generate(net, prompt, 1, context=4, temperature=0) == [int(net(torch.tensor([prompt]))[0][0, -1].argmax())]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 99), st.integers(1, 9))
@torch.no_grad()
def test_the_same_seed_writes_the_same_and_top_k_keeps_to_the_most_probable(seed, top_k):
    net = model()
    found = generate(net, [1], 5, context=4, temperature=2.0, top_k=top_k, seed=seed)
    assert found == generate(net, [1], 5, context=4, temperature=2.0, top_k=top_k, seed=seed)
    logits = net(torch.tensor([[1, *found]]))[0][0]
    for place, token in enumerate(found):
        assert token in logits[place].topk(top_k).indices
    if top_k == 1:
        assert found == generate(net, [1], 5, context=4, temperature=0)


@torch.no_grad()
def test_the_seed_matters_and_the_global_generator_does_not():
    net, before = model(), torch.get_rng_state()
    assert len({tuple(generate(net, [1], 5, context=4, seed=seed)) for seed in range(20)}) > 10
    assert torch.equal(torch.get_rng_state(), before)
