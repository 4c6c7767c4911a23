"""A language model goes on with a text."""

import torch
from torch import Tensor, nn

from dl_runner.tasks.carried import empty_state, with_state


def generate(
    model: nn.Module,
    prompt: list[int],
    length: int,
    *,
    context: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
) -> list[int]:
    """The tokens that a model, in evaluation mode, puts after the prompt.

    Args:
        prompt: at least one token.
        length: how many tokens.
        context: tokens that a model without a state gets to see, the last ones.
        temperature: logits are divided by it before the softmax; 0 takes the most probable token.
        top_k: choose among so many of the most probable tokens; None for all.
        seed: of a random generator of its own.
    """
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    generator = torch.Generator(device).manual_seed(seed)
    tokens = torch.tensor([prompt], device=device)  # (1, length so far)
    logits, state = with_state(model, tokens[:, :context], empty_state(model, 1))
    if len(prompt) > context:
        logits, state = with_state(model, tokens[:, -context:] if state is None else tokens[:, context:], state)
    for left in reversed(range(length)):
        chosen = _choose(logits[0, -1].float(), temperature, top_k, generator).view(1, 1)
        tokens = torch.cat([tokens, chosen], dim=1)
        if left:
            logits, state = with_state(model, tokens[:, -context:] if state is None else chosen, state)
    return tokens[0, len(prompt) :].tolist()


def _choose(logits: Tensor, temperature: float, top_k: int | None, generator: torch.Generator) -> Tensor:
    if temperature == 0:
        return logits.argmax()
    return torch.multinomial(probabilities(logits, temperature, top_k), 1, generator=generator)


def probabilities(logits: Tensor, temperature: float = 1.0, top_k: int | None = None) -> Tensor:
    """softmax(logits / temperature) over the vocabulary, (tokens,), or over the `top_k` largest; the others are 0.

    Args:
        temperature: > 0.
    """
    if top_k is not None and top_k < len(logits):
        logits = logits.masked_fill(logits < logits.topk(top_k).values[-1], -torch.inf)
    return (logits / temperature).softmax(0)
