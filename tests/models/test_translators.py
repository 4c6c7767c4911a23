"""Every translator of the registry: what a place sees, padding, sentences read in pieces, and its own tokens."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from translators import BOS, KINDS, NAMES, PAD, SOURCES, TARGETS, pair, piecewise, sentences, translator

from dl_runner.layers.encoder_decoder import select_rows
from dl_runner.layers.recorded import recorded

same = {"rtol": 0, "atol": 1e-12}
each = pytest.mark.parametrize(("name", "options"), KINDS, ids=str)
attending = [(name, options) for name, options in KINDS if hasattr(translator(name), "attention")]


@each
@torch.no_grad()
def test_no_place_sees_a_later_token_of_the_target_and_each_sees_all_before_it(name, options):
    model, (source, target) = translator(name, **options), pair()
    logits = model(source, target)
    for place in range(target.shape[1]):
        other = target.clone()
        other[:, place] = (other[:, place] + 1) % TARGETS
        changed = model(source, other)
        assert torch.equal(changed[:, :place], logits[:, :place])
        assert (changed[:, place:] != logits[:, place:]).any(-1).all()


@each
@torch.no_grad()
def test_every_place_sees_every_real_token_of_the_source_and_no_row_another(name, options):
    model, (source, target) = translator(name, **options), pair()
    logits = model(source, target)
    for place in range(4):
        other = source.clone()
        other[0, place] = 4 + (other[0, place] - 3) % (SOURCES - 4)
        changed = model(other, target)
        assert (changed[0] != logits[0]).any(-1).all() and torch.equal(changed[1:], logits[1:])


@each
@torch.no_grad()
def test_padding_changes_nothing(name, options):
    model, (source, target) = translator(name, **options), pair()
    logits = model(source, target)
    wider = model(F.pad(source, (0, 3), value=PAD), F.pad(target, (0, 2), value=PAD))
    torch.testing.assert_close(wider[:, : target.shape[1]], logits, **same)
    for row in range(3):  # alone, without padding
        real, written = (one[row : row + 1, : (one[row] != PAD).sum()] for one in (source, target))
        torch.testing.assert_close(model(real, written)[0], logits[row, : written.shape[1]], **same)
    for layer in model.modules():
        if isinstance(layer, nn.Embedding) and layer.padding_idx is not None and layer.weight.shape[0] == SOURCES:
            layer.weight[PAD] = 1e3
    torch.testing.assert_close(model(source, target), logits, **same)


@each
def test_a_source_of_padding_alone_is_zeros_and_gives_no_nan(name, options):
    model, (source, target) = translator(name, **options), pair()
    expected = model(source, target)[1:].detach()
    source[0] = PAD
    logits = model(source, target)
    torch.testing.assert_close(logits[1:], expected, **same)
    logits.sin().sum().backward()
    assert logits.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters() if parameter.grad is not None)
    empty = torch.full_like(source, PAD)
    torch.testing.assert_close(model(empty, target)[:, 0], logits[0, 0].expand(3, -1), **same)
    if hasattr(model, "attention"):
        assert not model.attention(source, target)["source"][0].any()


@each
def test_the_vector_of_padding_never_learns(name, options):
    model, (source, target) = translator(name, **options), pair()
    model(source, target)[target != PAD].sin().sum().backward()
    embeddings = [one for one in model.modules() if isinstance(one, nn.Embedding) and one.padding_idx is not None]
    assert len(embeddings) == 2 and {one.padding_idx for one in embeddings} == {PAD}
    for one in embeddings:
        assert one.weight.grad.any()
        # Tied weights learn that padding is never to be written.
        assert not one.weight.grad[PAD].any() or one.weight is model.head.weight


@each
@pytest.mark.parametrize("pieces", [[1] * 6, [2, 3, 1]], ids=str)
@torch.no_grad()
def test_reading_on_is_reading_at_once(name, options, pieces):
    model, (source, target) = translator(name, **options), pair()
    torch.testing.assert_close(piecewise(model, source, target, pieces), model(source, target), **same)


@each
@torch.no_grad()
def test_a_state_may_be_reordered_and_gone_on_from_twice(name, options):
    model, (source, target) = translator(name, **options), pair()
    rows = torch.tensor([2, 0, 0, 1])
    for seen in (0, 3):
        state = model.begin(source)
        state = model.go_on(target[:, :seen], state)[1] if seen else state
        chosen = select_rows(state, rows)
        assert type(chosen) is type(state)
        for _ in range(2):
            logits, _ = model.go_on(target[rows, seen:], chosen)
            torch.testing.assert_close(logits, model(source, target)[rows, seen:], **same)


@each
def test_what_is_not_forced_is_the_models_own_token(name, options):
    model, (source, target) = translator(name, **options), pair()
    for forced in ([True] * 6, [False] * 6, [True, False, True, True, False, False]):
        read = target.clone()
        for place in range(1, 6):
            if not forced[place]:
                read[:, place] = model(source, read)[:, place - 1].argmax(-1)
        assert (read == target).all() == all(forced)
        result, expected = model(source, target, forced=torch.tensor(forced)), model(source, read)
        torch.testing.assert_close(result, expected, **same)
        parameters = list(model.parameters())
        gradients = [torch.autograd.grad(one.sin().sum(), parameters) for one in (result, expected)]
        for one, other in zip(*gradients, strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_the_places_that_are_forced_are_those_of_the_target(name):
    with pytest.raises(ValueError, match="forced has 5 places, but the target 6"):
        translator(name)(*pair(), forced=torch.ones(5, dtype=torch.bool))


@each
def test_its_twin_has_its_values_and_gradients(name, options):
    found = []
    for scratch in (False, True):
        model = translator(name, scratch, **options)
        logits = model(*pair())
        found.append([logits, *torch.autograd.grad(logits.sin().sum(), list(model.parameters()))])
        assert not scratch or not [one for one in model.modules() if type(one) in (nn.GRU, nn.LSTM, nn.Linear)]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("name", "options"), attending)
@torch.no_grad()
def test_attention_gives_the_weights_that_the_values_are_averaged_with(name, options):
    model, (source, target) = translator(name, **options), pair()
    (batch, length), places = target.shape, source.shape[1]
    weights = model.attention(source, target)
    for one in weights.values():
        torch.testing.assert_close(one.sum(-1), torch.ones(one.shape[:-1], dtype=torch.float64))
    to_source = weights["source"]
    heads = to_source.shape[1]
    assert to_source.shape == (batch, heads, length, places)
    assert torch.equal(to_source > 0, (source != PAD)[:, None, None].expand_as(to_source))
    layer, outputs = model.attend if name == "bahdanau" else model.decoder[-1].look.attend, []
    hook = layer.register_forward_hook(lambda _layer, _given, output: outputs.append(output))
    with recorded([layer]) as given:
        model(source, target)
    hook.remove()
    if name == "bahdanau":
        expected = torch.stack(outputs, 1)
        torch.testing.assert_close(to_source.squeeze(1) @ given[0][2], expected)
    else:
        torch.testing.assert_close(to_source @ given[0][2], outputs[0])
        assert torch.equal(weights["target"] > 0, torch.ones(length, length).tril().bool().expand(batch, heads, -1, -1))
        assert torch.equal(weights["encoder"] > 0, (source != PAD)[:, None, None].expand_as(weights["encoder"]))
        first = model.attention(source, target, block=0)["source"]
        assert first.shape == to_source.shape and not torch.equal(first, to_source)


def test_dropout_is_in_training_only():
    for name, options in [(name, {"dropout": 0.5}) for name in NAMES] + [("seq2seq", {"embedding_dropout": 0.5})]:
        model, (source, target) = translator(name, **options), pair()
        assert torch.equal(model(source, target), model(source, target))
        model.train()
        assert not torch.equal(model(source, target), model(source, target))


def test_a_long_source_is_no_other_than_a_short_one_beside_it():
    """Nine tokens beside one, of which an encoder reads eight places too many."""
    source = sentences([1, 9], SOURCES)
    target = torch.full((2, 1), BOS)
    for name, options in KINDS:
        model = translator(name, **options)
        torch.testing.assert_close(model(source, target)[:1], model(source[:1, :1], target[:1]), **same)


@each
def test_nothing_in_it_waits_for_a_value(name, options):
    """On the device without values, whatever asks for one raises; on a GPU it would wait for it."""
    model = translator(name, **options).to("meta")
    source, target = (one.to("meta") for one in pair())
    for forced in (None, torch.tensor([True, False] * 3)):
        assert model(source, target, forced=forced).shape == (3, 6, TARGETS)
    model.go_on(target[:, :1], model.begin(source))
    with pytest.raises(RuntimeError):
        source.amax().item()
