from io import StringIO

import pytest
import torch
from model_specs import build_example, example_spec
from rich.console import Console
from specs import labelled, numbered
from torch import nn

from dl_runner.report.summary import render, summarize
from dl_runner.report.tokens import tokens_in_words
from dl_runner.spec import Fields, Tokens

IMAGES = labelled((3, 9, 11), 4, ("a", "b", "c", "d"))
VECTORS = numbered((6,), 2)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_by_hand(bias):
    [row] = summarize(nn.Linear(6, 5, bias=bias), VECTORS).rows
    assert (row.type, row.output_shape) == ("Linear", (5,))
    assert (row.parameters, row.multiply_adds) == (6 * 5 + 5 * bias, 6 * 5)


@pytest.mark.parametrize(("stride", "padding", "groups"), [(1, 0, 1), (2, 1, 1), (1, 1, 3)])
def test_convolution_by_hand(stride, padding, groups):
    convolution = nn.Conv2d(3, 6, (3, 2), stride=stride, padding=padding, groups=groups)
    height, width = (9 + 2 * padding - 3) // stride + 1, (11 + 2 * padding - 2) // stride + 1
    [row] = summarize(convolution, IMAGES).rows
    assert row.output_shape == (6, height, width)
    assert row.parameters == 6 * (3 // groups) * 3 * 2 + 6
    assert row.multiply_adds == height * width * 6 * (3 // groups) * 3 * 2


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 7 * 9, 4))


def test_rows_are_the_leaves_in_order_and_add_up_to_the_totals():
    model = network()
    model[0].requires_grad_(False)
    summary = summarize(model, IMAGES)
    assert [row.name for row in summary.rows] == ["0", "1", "2", "3", "4"]
    assert [row.output_shape for row in summary.rows] == [(8, 7, 9), (8, 7, 9), (8, 7, 9), (504,), (4,)]
    assert summary.parameters == sum(row.parameters for row in summary.rows)
    assert summary.multiply_adds == sum(row.multiply_adds for row in summary.rows) == 8 * 7 * 9 * 27 + 504 * 4
    assert summary.trainable == summary.parameters - (8 * 27 + 8)
    # Batch normalization has two float buffers of 8 and one counter of 8 bytes.
    assert summary.megabytes == pytest.approx((4 * summary.parameters + 4 * 16 + 8) / 1e6)


def test_rows_follow_the_calls_not_the_definition():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(5, 2)
            self.first = nn.Linear(6, 5)

        def forward(self, x):
            return self.last(self.first(x))

    assert [row.name for row in summarize(Backwards(), VECTORS).rows] == ["first", "last"]


def test_a_module_used_twice_has_two_rows_and_counts_its_parameters_once():
    shared = nn.Linear(6, 6)
    summary = summarize(nn.Sequential(shared, nn.ReLU(), shared), VECTORS)
    assert [(row.parameters, row.multiply_adds) for row in summary.rows] == [(42, 36), (0, 0), (0, 36)]
    assert (summary.parameters, summary.multiply_adds) == (42, 72)


def test_tied_weights_are_counted_once():
    model = nn.Sequential(nn.Linear(6, 6, bias=False), nn.Linear(6, 6, bias=False))
    model[1].weight = model[0].weight
    summary = summarize(model, VECTORS)
    assert [row.parameters for row in summary.rows] == [36, 0] and summary.parameters == 36


def test_what_a_module_holds_and_computes_besides_its_children_has_a_row():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(5, 5))
            self.inner = nn.Linear(6, 5)

        def forward(self, x):
            return self.inner(x) @ self.scale

    inner, outer = summarize(Scaled(), VECTORS).rows
    assert (inner.name, inner.multiply_adds) == ("inner", 30)
    assert (outer.name, outer.parameters, outer.multiply_adds) == ("", 25, 25)


def test_the_model_is_left_as_it_was():
    model = network().train()
    model[1].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    summarize(model, IMAGES)
    assert [module.training for module in model] == [True, False, True, True, True] and model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_the_table_shows_names_shapes_and_totals(capsys):
    summary = summarize(network(), IMAGES)
    Console(width=100).print(render(summary))
    text = capsys.readouterr().out
    assert "8 × 7 × 9" in text and "BatchNorm2d" in text
    total = next(line for line in text.splitlines() if line.strip().startswith("total"))
    assert f"{summary.parameters:,}" in total and f"{summary.multiply_adds:,}" in total


@pytest.mark.parametrize("name", ["gru", "gpt", "seq2seq", "bahdanau", "transformer"])
def test_layers_of_sequences_have_the_shapes_of_one_example(name):
    of = example_spec(name)
    pairs = isinstance(of.inputs, Fields)
    reads, writes = (of.inputs["source"], of.inputs["target"]) if pairs else (of.inputs, of.targets)
    summary = summarize(build_example(name), of)
    embedding = next((row for row in summary.rows if row.type == "Embedding"), None)
    assert embedding is None or embedding.output_shape == (reads.length, embedding.parameters // reads.vocabulary)
    assert [row for row in summary.rows if row.calls][-1].output_shape == (writes.length, of.outputs)
    for cell in (row for row in summary.rows if row.type == "GRU" and row.calls == 1):
        assert len(cell.output_shape) == 2 and cell.output_shape[0] in (reads.length, writes.length)


def test_what_is_called_for_each_token_has_one_row():
    summary = summarize(build_example("bahdanau"), example_spec("bahdanau"))
    [query] = [row for row in summary.rows if row.name == "attend.query"]
    assert query.calls == example_spec("bahdanau").targets.length
    [decoder] = [row for row in summary.rows if row.name == "decoder"]  # which is computed with, not called
    assert decoder.calls == 0 and decoder.parameters > 0
    assert summary.multiply_adds == sum(row.multiply_adds for row in summary.rows)
    assert summary.parameters == sum(row.parameters for row in summary.rows)
    table = Console(width=120, file=StringIO())
    table.print(render(summary))
    assert f"Linear ({query.calls} times)" in table.file.getvalue()


def test_sentences_in_words():
    assert tokens_in_words(Tokens(1000, 35)) == "35 tokens, of 1,000 different ones"
    told = tokens_in_words(Fields.of(source=Tokens(13, 5, 1), target=Tokens(11, 7, 1)))
    assert told == "source: up to 5 tokens, of 13 different ones; target: up to 7 tokens, of 11 different ones"
    assert tokens_in_words(IMAGES.inputs) is None
