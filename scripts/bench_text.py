"""Time dlrun's training of character models beside bare PyTorch loops and the book's, in turns in one process.

    python scripts/bench_text.py                 # GRU and LSTM, hidden 256, batches of 32 x 35
    python scripts/bench_text.py gru --turns 30 --steps 8

A turn is so many steps of every arm, one after the other, each turn beginning with another arm; what else the machine
does meets all of them. dlrun is its whole loop, with metrics, trackers, logging at the experiment's intervals and an
empty evaluation; no arm writes checkpoints. The bare loop is the fastest of its variants by its median.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dl_runner.build.experiment import build_experiment
from dl_runner.build.training import build_training
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.schema import Config
from dl_runner.config.stored import to_plain
from dl_runner.running.header import run_info
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.tracking.metrics_file import MetricsFile
from dl_runner.tracking.tensorboard import TensorBoard
from dl_runner.tracking.tracker import Tracker, Trackers
from dl_runner.training.loop import train
from hardware import hardware

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}
VARIANTS = [  # batch_first, one-hot vectors by, implementation of SGD
    *((True, "one_hot", "default"), (False, "one_hot", "default"), (False, "identity", "default")),
    *((False, "scatter", "default"), (False, "scatter", "fused")),
]
Turn = Callable[[int], int]  # steps → tokens


class Stop(Tracker):
    """Asks the loop to stop at a step."""

    def __init__(self) -> None:
        self.at, self.request = 0, StopRequest()

    def progress(self, step: int, read: Callable) -> None:
        if step >= self.at:
            self.request.signal_number = 2


def dlrun(config: Config, folder: Path) -> Turn:
    """The loop as `dlrun` runs it, without checkpoints and console."""
    experiment = build_experiment(config)
    training, stop = build_training(experiment), Stop()
    training.tracker = Trackers([MetricsFile(), TensorBoard(), stop])
    training.tracker.start(run_info(experiment, training, folder, None, 0))
    tokens = config.data.batch_size * getattr(experiment.spec.inputs, "length", 1)

    def turn(steps: int) -> int:
        stop.at, stop.request.signal_number = training.step + steps, None
        train(training, stop.request)
        return steps * tokens

    return turn


def windows(config: Config) -> Iterator[tuple[Tensor, Tensor, bool]]:
    """The batches that dlrun trains on, (batch, length), and whether each goes on from the one before."""
    training = build_training(build_experiment(config))
    for epoch in range(10**9):
        for batch in training.loader.epoch(epoch):
            yield batch.inputs, batch.targets, batch.continues


def bare(config: Config, batch_first: bool, one_hot: str, sgd: str) -> Turn:
    """The least that the computation takes in PyTorch: nothing is read back."""
    cell, head, parameters = network(config, batch_first)
    optimizer = torch.optim.SGD(parameters, lr=1.0, fused=sgd == "fused" or None)
    batches, vocabulary, state = windows(config), cell.input_size, None
    identity, loss_sum = torch.eye(vocabulary), torch.zeros(())

    def vectors(tokens: Tensor) -> Tensor:
        if one_hot == "identity":
            return F.embedding(tokens, identity)
        if one_hot == "scatter":
            return torch.zeros(*tokens.shape, vocabulary).scatter_(-1, tokens.unsqueeze(-1), 1.0)
        return F.one_hot(tokens, vocabulary).float()

    def turn(steps: int) -> int:
        nonlocal state
        tokens = 0
        for _ in range(steps):
            inputs, targets, continues = next(batches)
            if not batch_first:
                inputs, targets = inputs.t(), targets.t()
            outputs, state = cell(vectors(inputs), detached(state) if continues else None)
            loss = F.cross_entropy(head(outputs).flatten(0, 1), targets.reshape(-1))
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            loss_sum.add_(loss.detach())
            tokens += targets.numel()
        return tokens

    return turn


def book(config: Config) -> Turn:
    """The loop of Dive into Deep Learning, section 8.5: time in front, clipping by hand, every loss read back."""
    cell, head, parameters = network(config, batch_first=False)
    optimizer = torch.optim.SGD(parameters, lr=1.0)
    batches, measure, state = windows(config), nn.CrossEntropyLoss(), None
    total = [0.0, 0.0]

    def turn(steps: int) -> int:
        nonlocal state
        tokens = 0
        for _ in range(steps):
            inputs, targets, continues = next(batches)
            state = detached(state) if continues else None
            wanted = targets.t().reshape(-1)
            outputs, state = cell(F.one_hot(inputs.t().long(), cell.input_size).to(torch.float32), state)
            loss = measure(head(outputs.reshape(-1, outputs.shape[-1])), wanted.long()).mean()
            optimizer.zero_grad()
            loss.backward()
            norm = torch.sqrt(sum(torch.sum(one.grad**2) for one in parameters))
            if norm > 1:
                for one in parameters:
                    one.grad[:] *= 1 / norm
            optimizer.step()
            total[0] += float(loss.detach() * wanted.numel())
            total[1] += wanted.numel()
            tokens += wanted.numel()
        return tokens

    return turn


def network(config: Config, batch_first: bool) -> tuple[nn.RNNBase, nn.Linear, list[nn.Parameter]]:
    vocabulary, hidden = build_experiment(config).spec.outputs, config.model.arguments["hidden"]
    torch.manual_seed(0)
    cell = CELLS[config.model.name](vocabulary, hidden, batch_first=batch_first)
    head = nn.Linear(hidden, vocabulary)
    return cell, head, [*cell.parameters(), *head.parameters()]


def detached(state: Tensor | tuple[Tensor, ...] | None) -> Tensor | tuple[Tensor, ...] | None:
    return (
        tuple(one.detach() for one in state) if isinstance(state, tuple) else state if state is None else state.detach()
    )


def rates(arms: dict[str, Turn], turns: int, steps: int) -> dict[str, list[float]]:
    """Tokens per second of every arm in every turn, after one that is not timed."""
    found: dict[str, list[float]] = {name: [] for name in arms}
    names = list(arms)
    for number in range(turns + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            began = time.perf_counter()
            tokens = arms[name](steps)
            if number:
                found[name].append(tokens / (time.perf_counter() - began))
    return found


def table(model: str, found: dict[str, list[float]]) -> str:
    best = max((name for name in found if name.startswith("bare")), key=lambda name: statistics.median(found[name]))
    lines = [
        f"### {model}",
        "",
        "| arm | tokens/s, median | fastest | dlrun ÷ arm, median of the turns |",
        "|---|---|---|---|",
    ]
    for name, values in found.items():
        ratio = statistics.median(ours / other for ours, other in zip(found["dlrun"], values, strict=True))
        mark = " (best)" if name == best else ""
        lines.append(f"| {name}{mark} | {statistics.median(values):,.0f} | {max(values):,.0f} | {ratio:.3f} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(CELLS)} (default: all)")
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--steps", type=int, default=16, help="of each arm in a turn")
    given = parser.parse_args(argv)
    for model in given.models or CELLS:
        options = [f"experiment=notes/char_{model}", "trainer.epochs=null", "trainer.steps=1000000", "seed=0"]
        config = check_config(to_plain(compose(options)))
        with tempfile.TemporaryDirectory() as folder:
            arms = {"dlrun": dlrun(config, Path(folder)), "book": book(config)}
            arms |= {
                f"bare, {'batch' if first else 'time'} first, {hot}, {sgd} SGD": bare(config, first, hot, sgd)
                for first, hot, sgd in VARIANTS
            }
            print(table(model, rates(arms, given.turns, given.steps)), flush=True)
    threads = torch.get_num_threads()
    where = hardware("cpu", threads, torch.__version__)
    print(f"\n{where}, {threads} threads; {given.turns} turns of {given.steps} steps.")


if __name__ == "__main__":
    main()
