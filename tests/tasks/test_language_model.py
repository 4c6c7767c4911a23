"""The language-model task: its numbers against torch in float64, whatever the cut into parts, batches and windows."""

import contextlib
import math

import pytest
import torch
from specs import labelled
from torch import nn
from torch.nn import functional as F

from dl_runner.data.batch import Batch, blank
from dl_runner.data.fitted.text import TextFit
from dl_runner.data.loader import Loader
from dl_runner.data.preparation import Unchanged
from dl_runner.data.text import IGNORE, TextSplit
from dl_runner.data.tokenizers import char, word
from dl_runner.data.windows import WindowSamplers
from dl_runner.errors import UserError
from dl_runner.models.recurrent import recurrent
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.parallel.strategies import Strategy
from dl_runner.registry import builder
from dl_runner.tasks import losses
from dl_runner.tasks.language_model import language_model
from dl_runner.training.evaluation import evaluate
from dl_runner.training.sums import MetricSums
from dl_runner.training.update import Update

TEXT = "the time traveller for so it will be convenient to speak of him was expounding a recondite matter to us "
ROWS, STEPS = 4, 5
FITTED = TextFit(char(), STEPS).fit(TextSplit(TEXT))
SPEC, STREAM = FITTED.spec, FITTED.apply(TextSplit(TEXT))


def task(fitted=FITTED, **options):
    return language_model(fitted.spec, losses.cross_entropy(fitted.spec), fitted, **options)


def model(cell: str = "gru", **options) -> nn.Module:
    torch.manual_seed(1)
    return recurrent(SPEC, cell=cell, hidden=6, **options).double()


def loader(sampling: str, batch_size: int = ROWS, part: str = "training", share=(0, 1)) -> Loader:
    samplers = WindowSamplers(sampling)
    seed = (3,) if part == "training" else ()
    return Loader(STREAM, getattr(samplers, part)(STREAM, batch_size, *seed), Unchanged(), device="cpu", share=share)


def trained(net: nn.Module, batches, accumulate: int = 1, one=None) -> list[float]:
    """The loss of each step of SGD with clipping."""
    one = one or task()
    strategy = Strategy(net, ProcessGroup())
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    update = Update(
        strategy,
        one,
        optimizer,
        lambda step: 1.0,
        autocast=contextlib.nullcontext,
        accumulate=accumulate,
        clip_norm=0.1,
    )
    found = []
    for step, batch in enumerate(batches):
        sums = MetricSums(one)
        update(batch, step, sums)
        found.append(sums.read()["loss"])
    return found


def two_epochs(sampling: str):
    return [batch for epoch in range(2) for batch in loader(sampling).epoch(epoch)]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_hand_written_loop_has_the_same_losses(cell):
    ours = trained(model(cell), two_epochs("sequential"))
    net, state, theirs = model(cell), None, []
    for batch in two_epochs("sequential"):
        outputs, state = net.cell(
            F.one_hot(batch.inputs.t(), SPEC.inputs.vocabulary).double(), state if batch.continues else None
        )
        state = tuple(one.detach() for one in state) if cell == "lstm" else state.detach()
        loss = F.cross_entropy(net.head(outputs).permute(1, 2, 0), batch.targets)
        net.zero_grad()
        loss.backward()
        norm = math.sqrt(sum(float(parameter.grad.square().sum()) for parameter in net.parameters()))
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= 0.5 * min(1.0, 0.1 / norm) * parameter.grad
        theirs.append(loss.item())
    assert len(ours) > 4 and ours[-1] < ours[0]
    assert ours == pytest.approx(theirs, rel=1e-5)  # torch's clipping adds 1e-6 to the norm


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_accumulated_parts_are_one_batch(cell, sampling):
    whole = trained(model(cell), two_epochs(sampling))
    for accumulate in (2, 3, 4):
        assert trained(model(cell), two_epochs(sampling), accumulate) == pytest.approx(whole, rel=1e-12)


def test_the_shares_of_two_processes_are_one_batch():
    """Each carries the state of its own rows; the gradients of both add up."""
    whole, parts = model(), model()
    one, two = task(), (task(), task())
    shares = [list(loader("sequential", share=(rank, 2)).epoch()) for rank in range(2)]
    for batch, *others in zip(loader("sequential").epoch(), *shares, strict=True):
        one.step(whole, batch)[0].backward()
        for mine, part in zip(two, others, strict=True):
            mine.step(parts, part)[0].backward()
    for expected, found in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad)


def test_the_state_is_carried_within_an_epoch_and_fresh_at_its_beginning():
    net, one = model(), task()
    batches = list(loader("sequential").epoch())
    first, second = batches[:2]
    fresh = one.step(net, first)[0].item()
    carried = one.step(net, second)[0].item()
    assert carried != pytest.approx(task().step(net, second)[0].item(), rel=1e-9)
    assert one.step(net, first)[0].item() == pytest.approx(fresh, rel=1e-12)
    _, state = net(first.inputs)
    assert carried == pytest.approx(F.cross_entropy(net(second.inputs, state)[0].mT, second.targets).item(), rel=1e-12)


def test_an_evaluation_in_between_leaves_the_training_state_alone():
    net, one, other = model(), task(), task()
    batches = list(loader("sequential").epoch())
    one.step(net, batches[0])
    other.step(net, batches[0])
    evaluate(net, one, loader("sequential", part="evaluation"), contextlib.nullcontext, SPEC)
    assert net.training
    assert one.step(net, batches[1])[0].item() == other.step(net, batches[1])[0].item()


def test_it_goes_on_where_its_state_was_saved():
    net, one, other = model("lstm", layers=2), task(), task()
    batches = list(loader("sequential").epoch())
    one.step(net, batches[0])
    assert one.state_dict()["hidden"].shape[0] == ROWS and not one.state_dict()["hidden"].requires_grad
    other.load_state_dict(one.state_dict())
    assert one.step(net, batches[1])[0].item() == other.step(net, batches[1])[0].item()
    assert task().state_dict() == {"hidden": None}


@pytest.mark.parametrize("sampling", ["random", "sequential", "overlapping"])
def test_the_metrics_of_an_evaluation_do_not_depend_on_the_batch_size(sampling):
    net = model()
    found = [
        evaluate(net, task(), loader(sampling, size, "evaluation"), contextlib.nullcontext, SPEC).read()
        for size in (1, 2, 7, 100)
    ]
    for other in found[1:]:
        assert other == pytest.approx(found[0], rel=1e-12)


def test_one_carried_row_is_the_whole_text_at_once():
    net = model().eval()
    found = evaluate(net, task(), loader("sequential", part="evaluation"), contextlib.nullcontext, SPEC).read()
    logits, _ = net(STREAM.tokens[None, :-1])
    loss = F.cross_entropy(logits[0], STREAM.tokens[1:]).item()
    expected = {"loss": loss, "perplexity": math.exp(loss), "bits_per_character": loss / math.log(2)}
    assert found == pytest.approx(expected, rel=1e-12)


def test_ignored_targets_count_nowhere():
    net, one = model(), task()
    inputs = torch.randint(SPEC.inputs.vocabulary, (3, STEPS), generator=torch.Generator().manual_seed(0))
    targets = inputs.clone()
    targets[1, 2:] = IGNORE
    targets[2] = IGNORE
    batch = Batch.of(inputs, targets, {"tokens": (targets >= 0).sum(1)})
    loss, sums = one.step(net, batch)
    terms = F.cross_entropy(net(inputs)[0].mT, targets, reduction="none", ignore_index=IGNORE)
    assert loss.item() == pytest.approx(terms.sum().item() / 7, rel=1e-12)
    assert sums["loss"].item() == pytest.approx(terms.sum().item(), rel=1e-12)
    gradients = torch.autograd.grad(loss, list(net.parameters()))
    split = [torch.zeros_like(gradient) for gradient in gradients]
    for part in batch.parts(3):
        value = one.step(net, part)[0]
        assert value.isfinite() and bool(value != 0) == (part.counts["tokens"] > 0)
        for total, added in zip(split, torch.autograd.grad(value, list(net.parameters())), strict=True):
            total += added
    for expected, found in zip(gradients, split, strict=True):
        torch.testing.assert_close(found, expected)


def test_a_model_without_a_state_just_returns_logits():
    net = nn.Embedding(SPEC.inputs.vocabulary, SPEC.inputs.vocabulary).double()
    one = task()
    assert all(map(math.isfinite, trained(net, two_epochs("sequential"), one=one)))
    assert one.state_dict() == {"hidden": None}
    assert task(prefix="t", length=4).show(net.eval(), blank(SPEC, 1))["text"].startswith("t")


def test_perplexity_chooses_and_words_have_no_bits_per_character():
    assert builder("task", "language_model") is language_model
    assert [(metric.name, metric.better) for metric in task().metrics] == [
        *[("perplexity", "min"), ("loss", "min"), ("bits_per_character", "min")]
    ]
    words = TextFit(word(), STEPS).fit(TextSplit(TEXT))
    assert [metric.name for metric in task(words).metrics] == ["perplexity", "loss"]
    assert set(task(words).report({"loss": torch.tensor(6.0), "tokens": 3})) == {"perplexity", "loss"}


def test_a_hopeless_loss_is_an_infinite_perplexity_and_nothing_counted_is_no_loss():
    found = task().report({"loss": torch.tensor(4000.0), "tokens": 4})
    assert found["perplexity"] == math.inf and found["loss"] == 1000
    assert task().report({"loss": torch.tensor(0.0), "tokens": 0})["perplexity"] == 1


def test_other_targets_and_losses_are_refused():
    spec = labelled((3,), 4)
    with pytest.raises(UserError, match="task=language_model: learns from tokens"):
        language_model(spec, losses.cross_entropy(spec))
    with pytest.raises(UserError, match=r"task=language_model: .*loss=cross_entropy"):
        language_model(SPEC, F.mse_loss)


def test_shown_text_begins_with_the_prefix_or_the_data_and_draws_nothing():
    net, batch = model().float().eval(), next(iter(loader("random").epoch()))
    before = torch.get_rng_state()
    with torch.no_grad():
        shown = task(prefix="time ", length=7).show(net, batch)["text"]
        other = task(length=7).show(net, batch)["text"]
    assert torch.equal(torch.get_rng_state(), before)
    assert shown.startswith("time ") and len(shown.replace("<unk>", "?")) <= 12
    assert other.startswith(FITTED.tokenizer.decode(batch.inputs[0].tolist()))


def test_predictions_continue_each_text_and_tell_what_is_unknown():
    net = model().float().eval()
    with torch.no_grad():
        rows = task().predict(net, ["the time", "The"], length=9, temperature=0.8, seed=1)
        again = task().predict(net, ["the time"], length=9, temperature=0.8, seed=1)
    assert rows[0] == again[0] and rows[0]["text"].startswith("the time")
    assert len(rows[0]["text"].replace("<unk>", "?")) == 17
    assert rows[1]["text"].startswith("<unk>he") and rows[1]["read as <unk>"] == "'T'"
    with pytest.raises(UserError, match="no token"):
        task().predict(net, [""])
    lost = language_model(SPEC, losses.cross_entropy(SPEC))
    with pytest.raises(UserError, match=r"fitted\.json"):
        lost.predict(net, ["a"])
    assert lost.show(net, blank(SPEC, 1)) == {}
