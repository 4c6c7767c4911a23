"""Recurrent models: torch's cells on one-hot or embedded tokens, with a state whose dimension 0 is the batch."""

import pytest
import torch
from specs import labelled
from torch import nn
from torch.nn import functional as F

from dl_runner.errors import UserError
from dl_runner.models.recurrent import CELLS, recurrent
from dl_runner.spec import Classes, DataSpec, Numbers, Pixels, Tokens

TOKENS = Tokens(11, 6)
SPEC = DataSpec(TOKENS, TOKENS, "language_model")
KINDS = {"rnn": 1, "gru": 1, "lstm": 2}


def inputs() -> torch.Tensor:
    return torch.randint(11, (3, 6), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_it_is_torchs_layer_on_one_hot_vectors(cell, layers):
    model, tokens = recurrent(SPEC, cell=cell, hidden=5, layers=layers).double(), inputs()
    logits, state = model(tokens)
    theirs = CELLS[cell](11, 5, layers, batch_first=True).double()
    theirs.load_state_dict(model.cell.state_dict())
    outputs, last = theirs(F.one_hot(tokens, 11).double())
    torch.testing.assert_close(logits, model.head(outputs))
    last = torch.stack(last if isinstance(last, tuple) else (last,))  # (kinds, layers, batch, hidden)
    torch.testing.assert_close(state, last.permute(2, 0, 1, 3))
    assert state.shape == (3, KINDS[cell], layers, 5)


@pytest.mark.parametrize("cell", CELLS)
def test_two_windows_with_the_state_between_are_one_long_window(cell):
    model, tokens = recurrent(SPEC, cell=cell, hidden=5, layers=2, embedding=4).double(), inputs()
    whole, last = model(tokens)
    first, state = model(tokens[:, :4])
    second, state = model(tokens[:, 4:], state=state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(state, last)


@pytest.mark.parametrize("cell", CELLS)
def test_the_state_of_some_examples_is_theirs_alone(cell):
    model, tokens = recurrent(SPEC, cell=cell, hidden=5).double(), inputs()
    _, state = model(tokens)
    whole, _ = model(tokens, state=state)
    torch.testing.assert_close(model(tokens[1:], state=state[1:])[0], whole[1:])


def test_no_position_sees_a_later_one():
    model, tokens = recurrent(SPEC, cell="gru", hidden=5), inputs()
    other = tokens.clone()
    other[:, 4:] = (other[:, 4:] + 1) % 11
    torch.testing.assert_close(model(tokens)[0][:, :4], model(other)[0][:, :4])


@pytest.mark.parametrize("cell, gates", [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_parameters_are_counted_as_in_the_formula(cell, gates):
    model = recurrent(SPEC, cell=cell, hidden=7, embedding=4)
    expected = 11 * 4 + gates * (7 * 4 + 7 * 7 + 2 * 7) + 11 * 7 + 11
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_tied_weights_are_one_tensor():
    model = recurrent(SPEC, cell="lstm", hidden=7, embedding=7, tied=True)
    assert model.head.weight is model.embedding.weight
    with pytest.raises(UserError, match=r"model\.tied=true: .*model\.embedding=null has to equal model\.hidden=7"):
        recurrent(SPEC, cell="lstm", hidden=7, tied=True)


def test_dropout_is_before_between_and_after_the_layers():
    model = recurrent(SPEC, cell="gru", hidden=50, layers=2, embedding=50, dropout=0.5)
    assert model.cell.dropout == 0.5 and recurrent(SPEC, cell="gru", dropout=0.5).cell.dropout == 0
    tokens = inputs()
    assert not torch.equal(model(tokens)[0], model(tokens)[0])
    model.eval()
    assert torch.equal(model(tokens)[0], model(tokens)[0])


PADDED = Tokens(11, 6, pad=0)
ANSWERS = {"classes": Classes(("a", "b")), "numbers": Numbers(2), "labels": Tokens(3, 6)}


@pytest.mark.parametrize("answers", ANSWERS)
@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"bidirectional": True, "layers": 2, "embedding": 4}])
@pytest.mark.parametrize("cell", CELLS)
def test_padding_changes_nothing_and_every_token_counts(cell, options, answers):
    torch.manual_seed(0)
    model = recurrent(DataSpec(PADDED, ANSWERS[answers], "another"), cell=cell, hidden=5, **options).double().eval()
    tokens = inputs().clamp(min=1)
    lengths = [6, 4, 1]
    for row, length in enumerate(lengths):
        tokens[row, length:] = 0
    found = answers_of(model(tokens))
    assert found.shape == ((3, 6, 3) if answers == "labels" else (3, 2))
    for row, length in enumerate(lengths):
        alone = answers_of(model(tokens[row : row + 1, :length]))[0]
        torch.testing.assert_close(alone, found[row, :length] if answers == "labels" else found[row])
    for place in range(6):
        other = tokens.clone()
        other[0, place] = 1 + other[0, place] % 10
        changed = answers_of(model(other))[0] != found[0]
        if answers != "labels":
            assert changed.all()
        else:  # both directions reach every place, one those behind it
            assert changed[0 if options else place :].all() and not changed[: 0 if options else place].any()


def answers_of(outputs) -> torch.Tensor:
    return outputs[0] if isinstance(outputs, tuple) else outputs


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_sequence_without_a_token_is_zeros_before_the_output(bidirectional):
    spec = DataSpec(PADDED, ANSWERS["classes"], "classification")
    model = recurrent(spec, cell="gru", hidden=5, bidirectional=bidirectional)
    torch.testing.assert_close(model(torch.zeros(1, 6, dtype=torch.int64))[0], model.head.bias)


def test_a_language_model_does_not_read_backwards_unless_it_shall_leak():
    with pytest.raises(UserError, match=r"model\.bidirectional=true: .* sees the token that it is to predict"):
        recurrent(SPEC, cell="lstm", bidirectional=True)
    model, tokens = recurrent(SPEC, cell="lstm", hidden=5, bidirectional=True, leak=True), inputs()
    other = tokens.clone()
    other[:, 5] = (other[:, 5] + 1) % 11
    assert not torch.isclose(model(tokens)[:, 0], model(other)[:, 0]).all()


@pytest.mark.parametrize(
    "targets, options", [(ANSWERS["classes"], {}), (ANSWERS["labels"], {}), (TOKENS, {"bidirectional": True})]
)
def test_tied_weights_are_for_the_next_token(targets, options):
    with pytest.raises(UserError, match=r"model\.tied=true: .*next token read in one direction"):
        recurrent(DataSpec(TOKENS, targets, "another"), cell="gru", hidden=4, embedding=4, tied=True, **options)


@pytest.mark.parametrize("spec", [labelled((1, 8, 8), 10), DataSpec(TOKENS, Pixels(("a", "b"), 2, 2), "segmentation")])
def test_data_that_are_no_texts_are_refused(spec):
    with pytest.raises(
        UserError, match=r"model=gru: (needs tokens, but the data's inputs are image|answers .* targets are pixels)"
    ):
        recurrent(spec, cell="gru")


def test_the_one_hot_vectors_follow_the_weights_dtype():
    assert recurrent(SPEC, cell="rnn").double()(inputs())[0].dtype == torch.float64
    assert isinstance(recurrent(SPEC, cell="rnn").cell, nn.RNN)
