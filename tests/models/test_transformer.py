"""The Transformer against torch's, with its weights copied; its parameters, and how it is initialized."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from translators import PAD, SOURCES, SPEC, TARGETS, pair, sentences, translator

from dl_runner.errors import UserError
from dl_runner.models.bahdanau import bahdanau
from dl_runner.models.seq2seq import seq2seq
from dl_runner.models.transformer import transformer
from dl_runner.spec import DataSpec, Fields, Tokens

# Of a block of ours: torch's name, and for an encoder's and a decoder's block of torch.
NORMS = {
    "encoder": {"norm1": "norm1", "norm2": "norm2"},
    "decoder": {"norm1": "norm1", "norm_other": "norm2", "norm2": "norm3"},
}


def torchs(model: nn.Module, pre: bool, heads: int) -> nn.Transformer:
    """torch's Transformer with the weights of ours; after its blocks it normalizes in the "pre" form alone."""
    width, layers = model.head.in_features, len(model.decoder)
    options = {"dim_feedforward": 12, "dropout": 0.0, "batch_first": True, "norm_first": pre}
    norms = [nn.LayerNorm(width) if pre else None for _ in range(2)]
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(width, heads, **options), layers, norms[0], enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(width, heads, **options), layers, norms[1])
    theirs = nn.Transformer(width, heads, **options, custom_encoder=encoder, custom_decoder=decoder).double()
    state = {}
    for side in ("encoder", "decoder"):
        for place, block in enumerate(getattr(model, side)):
            start = f"{side}.layers.{place}"
            parts = {f"{start}.{torchs}": getattr(block, own) for own, torchs in NORMS[side].items()}
            parts |= {f"{start}.linear1": block.perceptron[0], f"{start}.linear2": block.perceptron[2]}
            parts[f"{start}.self_attn.out_proj"] = block.attention.join
            if side == "decoder":
                parts[f"{start}.multihead_attn.out_proj"] = block.look.join
            for name, layer in parts.items():
                state |= {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}
            for kind in ("weight", "bias"):
                state[f"{start}.self_attn.in_proj_{kind}"] = getattr(block.attention.project, kind)
                if side == "decoder":
                    both = [getattr(layer, kind) for layer in (block.look.query, block.look.project)]
                    state[f"{start}.multihead_attn.in_proj_{kind}"] = torch.cat(both)
        if pre:
            norm = getattr(model, f"{side}_norm")
            state |= {f"{side}.norm.weight": norm.weight, f"{side}.norm.bias": norm.bias}
    theirs.load_state_dict(state)
    return theirs


@pytest.mark.parametrize("scratch", [False, True])
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize(
    "heads, lengths",
    [
        (2, ([4, 6, 2], [6, 3, 5])),
        pytest.param(1, ([9, 1, 5, 9], [1, 9, 9, 4]), marks=pytest.mark.thorough),
        pytest.param(8, (list(range(1, 10)), list(range(9, 0, -1))), marks=pytest.mark.thorough),
    ],
    ids=str,
)
def test_it_is_torchs_on_padded_sentences(norm, heads, lengths, scratch):
    """Outputs at the real places, and the gradients that they send to both embeddings."""
    ours = translator("transformer", scratch, norm=norm, heads=heads)
    theirs = torchs(ours, norm == "pre", heads).train()  # in evaluation it takes shortcuts; nothing is dropped
    source, target = sentences(lengths[0], SOURCES), sentences(lengths[1], TARGETS, seed=1)
    real, tables = target != PAD, [ours.read.embedding.weight, ours.write.embedding.weight]
    hidden, causal = source == PAD, nn.Transformer.generate_square_subsequent_mask(target.shape[1], dtype=torch.float64)
    expected = ours.head(
        theirs(
            ours.read(source),
            ours.write(target),
            tgt_mask=causal,
            src_key_padding_mask=hidden,
            memory_key_padding_mask=hidden,
            tgt_is_causal=True,
        )
    )
    found = [
        [logits[real], *torch.autograd.grad(logits[real].sin().sum(), tables)]
        for logits in (ours(source, target), expected)
    ]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("build", "vocabularies", "options", "count"),
    [
        (seq2seq, (7853, 5893), {"layers": 1, "hidden": 512, "deep_output": True}, 14_219_781),
        (bahdanau, (7853, 5893), {"layers": 1, "hidden": 512, "deep_output": True, "bidirectional": True}, 20_518_405),
        (transformer, (7855, 5893), {"positions": "learned"}, 9_038_853),
    ],
)
def test_the_parameters_are_as_many_as_in_bentrevetts_models_of_multi30k(build, vocabularies, options, count):
    """github.com/bentrevett/pytorch-seq2seq, tutorials 2, 3 and 6."""
    source, target = (Tokens(size, 100, PAD) for size in vocabularies)
    with torch.device("meta"):
        model = build(DataSpec(Fields.of(source=source, target=target), target, "translation"), **options)
    assert sum(parameter.numel() for parameter in model.parameters()) == count


def test_each_projection_is_a_matrix_of_xaviers_rule_and_what_is_added_is_equally_large():
    torch.manual_seed(0)
    model = transformer(SPEC, width=64, hidden=128, positions="learned", layers=1)
    block = model.decoder[0]
    for matrix in (
        *block.attention.project.weight.chunk(3),
        *block.look.project.weight.chunk(2),
        block.look.query.weight,
    ):
        assert matrix.abs().max().item() == pytest.approx((6 / 128) ** 0.5, rel=0.01)
    assert model.encoder[0].perceptron[0].weight.abs().max().item() == pytest.approx((6 / 192) ** 0.5, rel=0.01)
    assert model.read.embedding.weight.std().item() * 8 == pytest.approx(1, rel=0.1)
    assert model.read.positions.weight.std().item() == pytest.approx(0.5**0.5, rel=0.1)
    assert not model.read.embedding.weight[PAD].any()


def test_tied_weights_are_one_tensor():
    model = transformer(SPEC, width=8, heads=2, tied=True)
    assert model.head.weight is model.write.embedding.weight


def test_heads_have_to_divide_the_width():
    with pytest.raises(UserError, match=r"^model\.heads=3: must divide model\.width=8, [^\n]*$"):
        transformer(SPEC, heads=3, width=8)


def test_padding_has_to_be_a_token():
    other = DataSpec(Fields.of(source=Tokens(5, 4), target=Tokens(5, 4)), Tokens(5, 4), "translation")
    with pytest.raises(UserError, match="model=transformer: needs a token that fills up the shorter sentences"):
        transformer(other)


@torch.no_grad()
def test_the_cache_is_read_and_the_source_is_read_once():
    model, (source, target) = translator("transformer"), pair()
    lengths = []
    for vectors in (model.read, model.write):
        vectors.register_forward_hook(lambda _layer, given, _output: lengths.append(given[0].shape[1]))
    state = model.begin(source)
    for place in range(3):
        _, state = model.go_on(target[:, place : place + 1], state)
    assert lengths == [6, 1, 1, 1] and state.written[0].shape[3] == 3


def test_a_causal_kernel_needs_no_mask(monkeypatch):
    """Of the decoder's own places with teacher forcing; the source's are hidden by one row for each sentence."""
    kernel, calls = F.scaled_dot_product_attention, []

    def spy(queries, keys, values, mask=None, *rest, is_causal=False):
        calls.append((None if mask is None else tuple(mask.shape), is_causal))
        return kernel(queries, keys, values, mask, *rest, is_causal=is_causal)

    monkeypatch.setattr(F, "scaled_dot_product_attention", spy)
    translator("transformer")(*pair())
    row = ((3, 1, 1, 6), False)
    assert calls == [row, row, *[(None, True), row] * 2]
