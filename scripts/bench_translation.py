"""Time dlrun's training of translators beside bare PyTorch loops and the book's, in turns in one process.

    python scripts/bench_translation.py                      # seq2seq and transformer on Multi30k, German to English
    python scripts/bench_translation.py seq2seq --turns 20 --steps 2 --data number_words

Rates are tokens of the targets that are no padding, per second. dlrun is its whole loop, with metrics, trackers and
buckets. The bare loops read back nothing: around the same model and around torch's own layers, on dlrun's batches; and
with every sentence padded to the longest of all, as the book has them. The book's loop pads so, too, has torch's own
layers, draws from a DataLoader, clips by hand and reads every loss back (Dive into Deep Learning, section 9.7.4).
"""

import argparse
import math
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from bench_text import Turn, dlrun, rates, table
from dl_runner.build.experiment import Experiment, build_experiment
from dl_runner.build.training import build_training
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.schema import Config
from dl_runner.config.stored import to_plain
from dl_runner.data.text import IGNORE
from hardware import hardware

Triple = tuple[Tensor, Tensor, Tensor]  # source, target as it is read, targets
MODELS = {
    "seq2seq": {"embedding": 256, "hidden": 256, "layers": 2},
    "transformer": {"width": 256, "layers": 3, "heads": 8, "hidden": 512, "dropout": 0.1},
}


class Recurrent(nn.Module):
    """The same computation as model=seq2seq, by packed sequences."""

    def __init__(self, vocabularies: tuple[int, int], pad: int, _length: int) -> None:
        super().__init__()
        size, hidden, layers = MODELS["seq2seq"].values()
        self.pad, (source, target) = pad, vocabularies
        self.read, self.write = nn.Embedding(source, size), nn.Embedding(target, size)
        self.encoder, self.decoder = nn.GRU(size, hidden, layers), nn.GRU(size + hidden, hidden, layers)
        self.head = nn.Linear(hidden, target)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        lengths = (source != self.pad).sum(1)
        packed = nn.utils.rnn.pack_padded_sequence(self.read(source.t()), lengths, enforce_sorted=False)
        _, state = self.encoder(packed)
        embedded = self.write(target.t())
        outputs, _ = self.decoder(torch.cat([embedded, state[-1].expand(len(embedded), -1, -1)], -1), state)
        return self.head(outputs.transpose(0, 1))


class Attending(nn.Module):
    """The same computation as model=transformer, by nn.Transformer."""

    def __init__(self, vocabularies: tuple[int, int], pad: int, length: int) -> None:
        super().__init__()
        self.width, layers, heads, hidden, dropout = MODELS["transformer"].values()
        self.pad, (source, target) = pad, vocabularies
        self.read, self.write = nn.Embedding(source, self.width), nn.Embedding(target, self.width)
        self.register_buffer("places", torch.randn(length, self.width))
        self.layers = nn.Transformer(self.width, heads, layers, layers, hidden, dropout, batch_first=True)
        self.dropout, self.head = nn.Dropout(dropout), nn.Linear(self.width, target)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        x, y = (
            self.dropout(embedding(tokens) * math.sqrt(self.width) + self.places[: tokens.shape[1]])
            for embedding, tokens in ((self.read, source), (self.write, target))
        )
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        padding = torch.zeros(source.shape).masked_fill(source == self.pad, -torch.inf)
        found = self.layers(
            x, y, tgt_mask=mask, src_key_padding_mask=padding, memory_key_padding_mask=padding, tgt_is_causal=True
        )
        return self.head(found)


def buckets(config: Config) -> Iterator[Triple]:
    """The batches that dlrun trains on."""
    training = build_training(build_experiment(config))
    for epoch in range(10**9):
        for batch in training.loader.epoch(epoch):
            yield batch.inputs["source"], batch.inputs["target"], batch.targets


def padded(config: Config) -> Iterator[Triple]:
    """Shuffled batches of sentences that are all padded to the longest of all."""
    inputs, targets = (split := build_experiment(config).data.train).take(slice(0, len(split)))
    loader = DataLoader(
        TensorDataset(inputs["source"], inputs["target"], targets), config.data.batch_size, shuffle=True
    )
    while True:
        yield from loader


def bare(model: nn.Module, batches: Iterator[Triple]) -> Turn:
    """The least that the computation takes in PyTorch: nothing is read back."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def turn(steps: int) -> int:
        tokens = 0
        for _ in range(steps):
            source, target, targets = next(batches)
            loss = F.cross_entropy(model(source, target).flatten(0, 1), targets.flatten(), ignore_index=IGNORE)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            tokens += int((targets != IGNORE).sum())
        return tokens

    return turn


def book(model: nn.Module, batches: Iterator[Triple]) -> Turn:
    """The loop of Dive into Deep Learning: the sum of each sentence's mean over all steps, masked; clipping by hand."""
    optimizer, total = torch.optim.Adam(model.parameters(), lr=1e-3), [0.0, 0]

    def turn(steps: int) -> int:
        tokens = 0
        for _ in range(steps):
            source, target, targets = next(batches)
            optimizer.zero_grad()
            real = targets != IGNORE
            losses = F.cross_entropy(
                model(source, target).transpose(1, 2), targets.masked_fill(~real, 0), reduction="none"
            )
            loss = (losses * real).mean(1)
            loss.sum().backward()
            norm = torch.sqrt(sum(torch.sum(one.grad**2) for one in model.parameters()))
            if norm > 1:
                for one in model.parameters():
                    one.grad[:] *= 1 / norm
            optimizer.step()
            total[0] += loss.sum().item()
            total[1] += real.sum().item()
            tokens += int(real.sum())
        return tokens

    return turn


def counted(turn: Turn, batches: Iterator[Triple]) -> Turn:
    """dlrun's turns, which tell how many steps they made, in tokens of the batches of these steps."""

    def tokens(steps: int) -> int:
        turn(steps)
        return sum(int((next(batches)[2] != IGNORE).sum()) for _ in range(steps))

    return tokens


def torchs_own(name: str, experiment: Experiment) -> nn.Module:
    source, target = experiment.spec.inputs["source"], experiment.spec.inputs["target"]
    torch.manual_seed(0)
    kind = {"seq2seq": Recurrent, "transformer": Attending}[name]
    return kind((source.vocabulary, target.vocabulary), source.pad, max(source.length, target.length))


def settings(model: str, data: str) -> Config:
    options = [f"{key}={value}" for key, value in MODELS[model].items()]
    options = [f"model={model}", f"data={data}", *(f"model.{one}" for one in options), "data.batch_size=128"]
    options += ["optimizer=adam", "trainer.clip_norm=1", "init=default", "trainer.steps=1000000", "seed=0"]
    options += ["trainer.epochs=null", "trainer.evaluate_every=1000000 steps", "trainer.show_every=1000000 steps"]
    options += ["trainer.test=never", "task=translation", "task.bleu=null"]
    return check_config(to_plain(compose(options)))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)} (default: all)")
    parser.add_argument("--data", default="multi30k", help="of the config group data (default multi30k)")
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--steps", type=int, default=3, help="of each arm in a turn")
    given = parser.parse_args(argv)
    for name in given.models or MODELS:
        config = settings(name, given.data)
        experiment = build_experiment(config)
        with tempfile.TemporaryDirectory() as folder:
            arms = {
                "dlrun": counted(dlrun(config, Path(folder)), buckets(config)),
                "book": book(torchs_own(name, experiment), padded(config)),
                "bare, the same model": bare(experiment.model.train(), buckets(config)),
                "bare, torch's own layers": bare(torchs_own(name, experiment), buckets(config)),
                "padded to the longest of all, the same model": bare(
                    build_experiment(config).model.train(), padded(config)
                ),
            }
            found = rates(arms, given.turns, given.steps)
        print(table(name, found), flush=True)
        gain = [ours / other for ours, other in zip(found["dlrun"], list(found.values())[-1], strict=True)]
        print(f"\nBuckets: {statistics.median(gain):.2f} times the loop that pads everything (median of the turns).\n")
    threads = torch.get_num_threads()
    where = hardware("cpu", threads, torch.__version__)
    print(f"{where}, {threads} threads; {given.data}, {given.turns} turns of {given.steps} steps.")


if __name__ == "__main__":
    main()
