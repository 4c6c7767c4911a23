"""scripts/bench_gpt.py from end to end, on a few steps and tokens."""

import re
import string

import numpy as np
import torch

import bench_gpt


def test_every_arm_is_timed_beside_dlrun_and_both_ways_to_write(tmp_path, monkeypatch, capsys):
    letters = np.random.default_rng(0).choice(list(string.ascii_lowercase + " "), 12_000)
    (tmp_path / "tiny_shakespeare").mkdir()
    (tmp_path / "tiny_shakespeare" / "input.txt").write_text("".join(letters))
    monkeypatch.setenv("DLRUN_DATA_DIR", str(tmp_path))
    bench_gpt.main(["--turns", "2", "--steps", "1", "--tokens", "6"])
    told = capsys.readouterr().out
    rows = [line for line in told.splitlines() if re.match(r"\| (dlrun|nanoGPT|bare)", line)]
    assert len(rows) == 5 and sum("(best)" in row for row in rows) == 1 and "1.000" in rows[0]
    assert all(int(row.split("|")[2].replace(",", "")) > 0 for row in rows)
    assert re.search(r"6 tokens of text: [\d.]+ s with the cache, [\d.]+ s without, [\d.]+ times as long", told)


def test_the_bare_network_is_the_models():
    torch.manual_seed(0)
    spec = bench_gpt.DataSpec(bench_gpt.Tokens(9, 5), bench_gpt.Tokens(9, 5), "language_model")
    bare, model = bench_gpt.Bare(9, 5), bench_gpt.gpt(spec, layers=bench_gpt.LAYERS)
    for own, other in zip(bare.parameters(), reordered(model), strict=True):
        own.data.copy_(other)
    tokens = torch.randint(9, (3, 5))
    torch.testing.assert_close(bare(tokens), model(tokens))


def reordered(model):
    """The parameters in the order of the bare network."""
    yield from (model.embedding.weight, model.positions.weight)
    for block in model.blocks:
        yield from (
            block.norm1.weight,
            *block.attention.parameters(),
            block.norm2.weight,
            *block.perceptron.parameters(),
        )
    yield model.norm.weight
