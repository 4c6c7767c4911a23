"""Time model=gpt: training beside bare loops in turns in one process, and generation with and without the cache.

    python scripts/bench_gpt.py                        # nanoGPT's settings for a processor, 256 tokens of text
    python scripts/bench_gpt.py --turns 30 --steps 8

The settings are those of experiment=gpt_tiny_shakespeare: 4 layers, 4 heads, 128 wide, 64 tokens, batches of 12. A bare
loop is written as nanoGPT's is: batches cut at random places out of the text, AdamW with decayed matrices, a schedule
set in each step, clipping, the loss read back now and then. The others read dlrun's own batches.

Text is written after one token, within a context of as many tokens as are written, by weights as they begin.
"""

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench_text import Turn, dlrun, rates, table, windows
from dl_runner.build.experiment import build_experiment
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.schema import Config
from dl_runner.config.stored import to_plain
from dl_runner.models.gpt import gpt
from dl_runner.spec import DataSpec, Tokens
from dl_runner.tasks.generation import generate
from hardware import hardware

LAYERS, HEADS, WIDTH = 4, 4, 128


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.all, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = (one.view(batch, length, HEADS, -1).transpose(1, 2) for one in self.all(x).split(WIDTH, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).contiguous().view(batch, length, WIDTH))


class Bare(nn.Module):
    """The same network without anything of the package."""

    def __init__(self, vocabulary: int, context: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, WIDTH), nn.Embedding(context, WIDTH)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                [
                    nn.Sequential(nn.LayerNorm(WIDTH, bias=False), Attention()),
                    nn.Sequential(
                        nn.LayerNorm(WIDTH, bias=False),
                        nn.Linear(WIDTH, 4 * WIDTH, bias=False),
                        nn.GELU(),
                        nn.Linear(4 * WIDTH, WIDTH, bias=False),
                    ),
                ]
            )
            for _ in range(LAYERS)
        )
        self.norm, self.head = nn.LayerNorm(WIDTH, bias=False), nn.Linear(WIDTH, vocabulary, bias=False)
        self.head.weight = self.tokens.weight
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1]))
        for attention, perceptron in self.blocks:
            x = x + attention(x)
            x = x + perceptron(x)
        return self.head(self.norm(x))


def bare(config: Config, batches: str, fused: bool) -> Turn:
    """A loop of PyTorch alone.

    Args:
        batches: "nanoGPT": windows from random places, stacked; "dlrun": the loader's.
        fused: the optimizer's implementation; nanoGPT has the default one on a processor.
    """
    experiment = build_experiment(config)
    text, length, size = experiment.data.train.tokens, experiment.spec.inputs.length, config.data.batch_size
    torch.manual_seed(0)
    model = Bare(experiment.spec.outputs, length)
    assert sum(one.numel() for one in model.parameters()) == sum(one.numel() for one in experiment.model.parameters())
    sides = [[one for one in model.parameters() if (one.ndim > 1) is decayed] for decayed in (True, False)]
    groups = [{"params": own, "weight_decay": decay} for own, decay in zip(sides, (0.1, 0.0), strict=True)]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=fused or None)
    ready, number = windows(config), 0

    def draw() -> tuple[Tensor, Tensor]:
        if batches == "dlrun":
            return next(ready)[:2]
        starts = torch.randint(len(text) - length, (size,)).tolist()
        return tuple(torch.stack([text[at + ahead : at + ahead + length] for at in starts]) for ahead in (0, 1))

    def turn(steps: int) -> int:
        nonlocal number
        tokens = 0
        for _ in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = 1e-4 + 0.5 * (1 + math.cos(math.pi * min(1, number / 2000))) * 9e-4
            inputs, targets = draw()
            loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if number % 10 == 0:
                loss.item()
            number += 1
            tokens += targets.numel()
        return tokens

    return turn


class Uncached(nn.Module):
    """A model that does not say that it has a state."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        return self.model(tokens)


@torch.inference_mode()
def writing(length: int, turns: int) -> tuple[list[float], list[float]]:
    """Seconds with and without the cache for so many tokens, in turns."""
    spec = DataSpec(Tokens(66, length), Tokens(66, length), "language_model")
    torch.manual_seed(0)
    model = gpt(spec, layers=LAYERS, heads=HEADS, width=WIDTH).eval()
    found, texts = ([], []), set()
    for turn in range(turns + 1):  # the first is not timed
        for times, arm in zip(found, (model, Uncached(model)), strict=True):
            began = time.perf_counter()
            texts.add(tuple(generate(arm, [1], length, context=length, temperature=0)))
            if turn:
                times.append(time.perf_counter() - began)
    if len(texts) > 1:
        raise SystemExit("bench_gpt: the cache changed the text")
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--steps", type=int, default=16, help="of each arm in a turn of the training")
    parser.add_argument("--tokens", type=int, default=256, help="that are written")
    given = parser.parse_args(argv)
    options = ["experiment=gpt_tiny_shakespeare", "trainer.steps=1000000", "trainer.evaluate_every=1000000 steps"]
    options += ["trainer.show_every=1000000 steps", "seed=0"]
    config = check_config(to_plain(compose(options)))
    with tempfile.TemporaryDirectory() as folder:
        arms = {"dlrun": dlrun(config, Path(folder)), "nanoGPT's loop": bare(config, "nanoGPT", False)}
        for kind in ("nanoGPT", "dlrun"):
            arms |= {
                f"bare, {kind}'s batches, {'fused' if fused else 'default'} AdamW": bare(config, kind, fused)
                for fused in ((True,) if kind == "nanoGPT" else (False, True))
            }
        print(table("gpt", rates(arms, given.turns, given.steps)), flush=True)
    cached, uncached = writing(given.tokens, given.turns)
    ratio = statistics.median(slow / fast for fast, slow in zip(cached, uncached, strict=True))
    print(f"\n{given.tokens} tokens of text: {statistics.median(cached):.2f} s with the cache,", end=" ")
    print(f"{statistics.median(uncached):.2f} s without, {ratio:.1f} times as long (medians).")
    threads = torch.get_num_threads()
    where = hardware("cpu", threads, torch.__version__)
    print(f"\n{where}, {threads} threads; {given.turns} turns of {given.steps} steps.")


if __name__ == "__main__":
    main()
