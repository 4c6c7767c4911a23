"""Translation: what counts in the loss, forced places, predictions."""

import math

import pytest
import torch
from table_translator import Table
from torch.nn import functional as F

from dl_runner.config.durations import Horizon, Steps
from dl_runner.data.batch import Batch
from dl_runner.data.fitted.text_pair import PairFit
from dl_runner.data.loader import Loader
from dl_runner.data.pairs import SentencePairs
from dl_runner.data.preparation import Unchanged
from dl_runner.data.samplers import InOrder
from dl_runner.data.tokenizers import word
from dl_runner.errors import UserError
from dl_runner.spec import Classes, DataSpec, Image
from dl_runner.tasks.forcing import Forcing
from dl_runner.tasks.losses import cross_entropy, mse
from dl_runner.tasks.translation import translation

PAIRS = SentencePairs(["a b c", "b", "c a", "a a a a"], ["x", "y z", "z z z", "x y"])


@pytest.fixture(scope="module")
def fitted():
    return PairFit(word(), None).fit(PAIRS)


def batch(fitted) -> Batch:
    return next(Loader(fitted.apply(PAIRS), InOrder(4, 4), Unchanged(), device="cpu").epoch())


def model(fitted) -> Table:
    sizes = len(fitted.source), len(fitted.target), len(fitted.target)
    return Table(torch.randn(*sizes, generator=torch.Generator().manual_seed(0), dtype=torch.float64))


def task(fitted, **options):
    return translation(fitted.spec, cross_entropy(fitted.spec), fitted, **options)


def test_the_loss_is_the_mean_over_real_tokens_of_any_parts(fitted):
    one, net = batch(fitted), model(fitted)
    real = [(at, place) for at, row in enumerate(one.targets.tolist()) for place, t in enumerate(row) if t >= 0]
    logits = net(**one.inputs)
    expected = sum(F.cross_entropy(logits[at, place], one.targets[at, place]) for at, place in real) / len(real)
    assert len(real) == one.counts["tokens"] == 12
    for parts in (1, 2, 3, 4):
        losses, sums = zip(*(task(fitted).step(net, part) for part in one.parts(parts)), strict=True)
        assert float(sum(losses)) == pytest.approx(float(expected), rel=1e-12)
        totals = {"loss": sum(float(part["loss"]) for part in sums), "tokens": 12}
        assert task(fitted).report(totals)["perplexity"] == pytest.approx(math.exp(expected), rel=1e-9)


def test_label_smoothing_is_torchs(fitted):
    one, net = batch(fitted), model(fitted).train()
    logits = net(**one.inputs).flatten(0, 1)
    expected = F.cross_entropy(logits, one.targets.flatten(), ignore_index=-100, label_smoothing=0.1)
    loss, sums = task(fitted, label_smoothing=0.1).step(net, one)
    assert float(loss) == pytest.approx(float(expected), rel=1e-12)
    assert float(sums["loss"]) / 12 == pytest.approx(float(F.cross_entropy(logits, one.targets.flatten())), rel=1e-12)


def test_forcing_falls_and_is_a_function_of_the_step():
    horizon, forcing = Horizon.of(None, 100, 10), Forcing(0.25, Steps.parse("4 epochs"), seed=3)
    rates = []
    for step in (0, 20, 40, 99):
        forcing.before_step(step, horizon)
        chosen = forcing.choices(4000)
        rates.append(1.0 if chosen is None else chosen.double().mean().item())
        assert chosen is None or torch.equal(chosen, forcing.choices(4000))
        assert chosen is None or torch.equal(chosen[:17], forcing.choices(17))
    assert rates == pytest.approx([1.0, 0.625, 0.25, 0.25], abs=0.05)


def test_places_that_are_not_forced_read_the_models_own_token(fitted):
    one, net, steps = batch(fitted), model(fitted).train(), Horizon.of(None, 10, 10)
    free = task(fitted, teacher_forcing=0.0)
    free.before_step(0, steps)
    loss, _ = free.step(net, one)
    tokens, logits = one.inputs["target"][:, :1], []
    for _ in range(one.targets.shape[1]):
        logits.append(net.logits[one.inputs["source"][:, 0], tokens[:, -1]])
        tokens = torch.cat([tokens, logits[-1].argmax(-1, keepdim=True)], 1)
    expected = F.cross_entropy(torch.stack(logits, 1).flatten(0, 1), one.targets.flatten())
    assert float(loss) == pytest.approx(float(expected), rel=1e-12)
    assert float(free.step(net.eval(), one)[0]) == pytest.approx(float(task(fitted).step(net, one)[0]))


def test_sentences_of_ones_own(fitted):
    rows = task(fitted).predict(model(fitted).eval(), ["a b", "b q a"], beam=2)
    assert [row["sentence"] for row in rows] == ["a b", "b q a"]
    assert rows[1]["read as <unk>"] == "'q'" and "read as <unk>" not in rows[0]
    with pytest.raises(UserError, match=r"predict='  ': has no token"):
        task(fitted).predict(model(fitted), ["  "])
    with pytest.raises(UserError, match=r"has 8 tokens, its end included, and the longest that fits has 7"):
        task(fitted).predict(model(fitted), ["a a a a a a a"])


def test_other_data_and_losses_are_refused(fitted):
    pictures = DataSpec(Image(1, 2, 2), Classes(("a", "b")), "classification")
    with pytest.raises(UserError, match="task=translation: learns from tokens"):
        translation(pictures, cross_entropy(pictures))
    text = DataSpec(fitted.spec.targets, fitted.spec.targets, "language_model")
    with pytest.raises(UserError, match="reads a sentence and its translation"):
        translation(text, cross_entropy(text))
    with pytest.raises(UserError, match=r"learns from|is for"):
        translation(fitted.spec, mse(fitted.spec))


def test_what_a_model_gives_is_checked(fitted):
    one = batch(fitted)
    right = model(fitted)(**one.inputs)
    task(fitted).check_outputs(right, one)
    expected = r"expected floats of shape \(4, 4, 7\)"
    for wrong, said in ((right[..., 1:], "float64 of shape (4, 4, 6)"), (right.long(), "int64"), ((right,), "a tuple")):
        with pytest.raises(ValueError, match=expected) as caught:
            task(fitted).check_outputs(wrong, one)
        assert f"gives {said}" in str(caught.value)


def test_what_is_shown_is_the_sentence_its_translation_and_the_true_one(fitted):
    net = model(fitted).eval()
    shown = task(fitted).show(net, batch(fitted))
    lines = shown["translations"].split("\n")
    own = task(fitted).predict(net, PAIRS.sources)
    assert lines == [
        f"{source} → {row['translation']} ({target})"
        for source, row, target in zip(PAIRS.sources, own, PAIRS.targets, strict=True)
    ]
    assert set(shown) == {"translations"}  # a table looks at nothing


def test_translations_do_not_depend_on_their_order(fitted):
    net, texts = model(fitted).eval(), ["a a a a", "b", "c a", "b"]
    rows = task(fitted).predict(net, texts, beam=3)
    assert rows == [task(fitted).predict(net, [text], beam=3)[0] for text in texts]
    assert [row["sentence"] for row in rows] == texts


def test_a_longer_sentence_is_cut_where_those_of_the_training_were():
    fitted = PairFit(word(), 3).fit(PAIRS)
    (row,) = task(fitted).predict(model(fitted).eval(), ["a b c a"])
    assert row["read"] == "the first 3 tokens"
    assert "read" not in task(fitted).predict(model(fitted).eval(), ["a b"])[0]


def test_without_vocabularies_nothing_is_translated(fitted):
    lost = translation(fitted.spec, cross_entropy(fitted.spec))
    with pytest.raises(UserError, match=r"no fitted\.json"):
        lost.predict(model(fitted), ["a"])
    assert lost.show(model(fitted), batch(fitted)) == {}


def test_a_task_has_what_its_options_ask_for(fitted):
    plain, full = task(fitted, bleu=None), task(fitted, teacher_forcing=0.5)
    assert [hasattr(one, "before_step") for one in (plain, full)] == [False, True]
    assert [hasattr(one, "meter") for one in (plain, full)] == [False, True]
    assert [metric.name for metric in plain.metrics] == ["perplexity", "loss"]
    assert [(metric.name, metric.better) for metric in full.metrics[2:]] == [("bleu", "max"), ("exact", "max")]
