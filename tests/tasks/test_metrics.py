"""Metrics beside a task's own, beside those of scikit-learn, in any cut and in several processes."""

import pickle

import numpy as np
import pytest
import torch
from helpers import QUIET
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs
from specs import labelled, numbered
from torch import nn
from torch.nn import functional as F

import dl_runner
from dl_runner.cli.app import run as command
from dl_runner.data.batch import Batch
from dl_runner.errors import UserError
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.tasks import metrics
from dl_runner.tasks.classification import classification
from dl_runner.tasks.measured import measured
from dl_runner.tasks.regression import regression
from dl_runner.training.sums import MetricSums

CLASSES = 4
SPEC = labelled((CLASSES,), CLASSES)


def values(extra, outputs, targets, cuts=(1,)):
    """What a metric says of some outputs, which are cut into batches of these sizes."""
    task = measured(_task(targets), {"mine": extra}, None)
    sums, meters, start = MetricSums(task), [], 0
    model = nn.Identity().eval()
    while start < len(targets):
        size = cuts[len(meters) % len(cuts)]
        batch = Batch.of(outputs[start : start + size], targets[start : start + size])
        sums.add(task.step(model, batch)[1], batch.counts)
        if hasattr(task, "meter"):
            meters.append(task.meter())
            meters[-1].update(model, batch)
        start += size
    found = sums.over(ProcessGroup()).read()
    if meters:
        first, *others = pickle.loads(pickle.dumps(meters))  # as they come from other processes
        for other in others:
            first.merge(other)
        found |= first.compute()
    return found


def _task(targets):
    if targets.is_floating_point():
        return regression(numbered((targets.shape[1],), targets.shape[1]), F.mse_loss)
    return classification(SPEC, F.cross_entropy)


@st.composite
def answered(draw):
    """Logits of few different values, so that some are equal, labels among which classes may be missing, and a cut."""
    n = draw(st.integers(1, 30))
    logits = draw(st.lists(st.lists(st.integers(-2, 2), min_size=CLASSES, max_size=CLASSES), min_size=n, max_size=n))
    labels = draw(st.lists(st.integers(0, CLASSES - 1), min_size=n, max_size=n))
    cuts = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    return torch.tensor(logits, dtype=torch.float64), torch.tensor(labels), cuts


@settings(deadline=None, max_examples=25)
@given(answered(), st.sampled_from(["macro", "micro", "weighted"]))
@pytest.mark.filterwarnings("ignore")
def test_f1_is_scikit_learns(case, average):
    logits, labels, cuts = case
    found = values(metrics.f1(SPEC, "mine", average=average), logits, labels, cuts)["mine"]
    assert found == pytest.approx(
        theirs.f1_score(labels, logits.argmax(1), average=average, zero_division=0), abs=1e-12
    )


@settings(deadline=None, max_examples=25)
@given(answered(), st.integers(1, CLASSES + 1))
def test_top_k_is_scikit_learns_with_ties(case, k):
    logits, labels, cuts = case
    found = values(metrics.top_k(SPEC, "mine", k=k), logits, labels, cuts)["mine"]
    if k < CLASSES:
        expected = theirs.top_k_accuracy_score(labels, logits, k=k, labels=range(CLASSES))
        assert found == pytest.approx(expected, abs=1e-12)
    else:
        assert found == 1


@settings(deadline=None, max_examples=25)
@given(answered())
def test_class_accuracy_is_the_recall_of_the_classes_that_are_there(case):
    logits, labels, cuts = case
    found = values(metrics.class_accuracy(SPEC, "mine"), logits, labels, cuts)
    there = sorted(set(labels.tolist()))
    expected = theirs.recall_score(labels, logits.argmax(1), labels=there, average=None, zero_division=0)
    own = {name: value for name, value in found.items() if name.startswith("accuracy_")}
    assert own == pytest.approx(
        {f"accuracy_{SPEC.classes[one]}": value for one, value in zip(there, expected, strict=True)}
    )


@settings(deadline=None, max_examples=25)
@given(answered())
def test_auc_is_the_mean_of_scikit_learns_over_the_classes_that_are_there(case):
    logits, labels, cuts = case
    found = values(metrics.auc(SPEC, "mine"), logits, labels, cuts)["mine"]
    shares, labels = logits.softmax(1).numpy(), labels.numpy()
    there = [one for one in range(CLASSES) if 0 < (labels == one).sum() < len(labels)]
    if not there:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(np.mean([theirs.roc_auc_score(labels == one, shares[:, one]) for one in there]))
    if len(there) == CLASSES:
        assert found == pytest.approx(theirs.roc_auc_score(labels, shares, multi_class="ovr"))


def test_auc_of_two_classes_is_that_of_the_second():
    logits, labels = torch.randn(40, 2, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 2
    collector = metrics.auc(labelled((2,), 2), "mine").collector()
    collector.take(logits, Batch.of(logits, labels))
    assert collector.compute()["mine"] == pytest.approx(theirs.roc_auc_score(labels, logits.softmax(1)[:, 1]))


@settings(deadline=None, max_examples=25)
@given(answered(), st.integers(1, 20))
def test_the_calibration_error_is_that_of_its_definition(case, bins):
    logits, labels, cuts = case
    found = values(metrics.calibration_error(SPEC, "mine", bins=bins), logits, labels, cuts)["mine"]
    shares, guesses = logits.softmax(1).max(1)
    expected = 0.0
    for low in range(bins):
        inside = [share * bins > low and share * bins <= low + 1 for share in shares.tolist()]
        if any(inside):
            inside = torch.tensor(inside)
            expected += abs(float((guesses == labels)[inside].double().sum() - shares[inside].sum())) / len(labels)
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("size", [1, 3])
def test_r2_is_scikit_learns(size):
    generator = torch.Generator().manual_seed(1)
    targets = 1000 + torch.randn(50, size, generator=generator, dtype=torch.float64)
    outputs = targets + torch.randn(50, size, generator=generator, dtype=torch.float64) / 2
    found = values(metrics.r2(numbered((size,), size), "mine"), outputs, targets, (7, 3))["mine"]
    assert found == pytest.approx(theirs.r2_score(targets, outputs), rel=1e-7)


@pytest.mark.parametrize("name", ["f1", "top_k", "auc", "class_accuracy", "calibration_error", "r2"])
def test_other_targets_are_refused(name):
    spec = numbered((3,), 3) if name != "r2" else SPEC
    with pytest.raises(UserError, match=rf"^metric={name}: is for (classes|numbers), but the data's targets are"):
        getattr(metrics, name)(spec, name)


def test_any_of_them_chooses_the_weights_and_is_told_again(tmp_path, capsys):
    chosen = ("metric=[f1,top_k,class_accuracy]", "metric.top_k.k=2", "trainer.monitor=validation/f1")
    options = ("data=digits", "model=softmax", "trainer.epochs=3", "optimizer.lr=1.0", f"outputs={tmp_path}", *QUIET)
    run = dl_runner.run(*options, *chosen)
    curve = [row["validation/f1"] for row in run.metrics if "validation/f1" in row]
    assert run.record["objective"] == {"validation/f1": max(curve)} and next(iter(run.record["metric_info"])) == "f1"
    assert run.evaluate("validation")["validation/f1"] == pytest.approx(max(curve))
    assert not any(name.startswith("train/f1") for row in run.metrics for name in row)
    assert {f"test/accuracy_{digit}" for digit in range(10)} < set(run.results)
    assert command(["compare", str(tmp_path)]) == 0 and "f1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["trainer.monitor=validation/f2", "metric=f1"], "trainer.monitor=validation/f2: no metric of the validation"),
        (["trainer.monitor=test/loss"], "trainer.monitor=test/loss: no metric of the validation split here"),
        (["+metric.f1=3"], "metric.f1=3: expected keys and values, as in conf/metric/"),
        (["metric=f1", "metric.f1.average=mean"], "metric.f1.average=mean: expected one of macro, micro, weighted"),
        (
            ["+metric.accuracy.builder=f1"],
            "metric: there are two that are reported as accuracy; give yours another key",
        ),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    assert command(["data=digits", "model=softmax", *options]) == 2
    assert capsys.readouterr().err.startswith(f"dlrun: {message}")
