"""The classifier's odds are the ratio of the densities, and correct the line as far as the true ratio does."""

import numpy as np
import pytest
from lesson_runs import hold

from dl_runner.datasets.shifted_points import TEST, TRAINING, shifted_points, true_log_ratio


def test_weights_of_the_classifier_correct_the_test_loss(tmp_path):
    options = ("data.examples=500", "data.test_examples=500", "lesson.classifier_epochs=30", "trainer.epochs=20")
    lesson = hold(tmp_path, "covariate_shift", *options, "data.batch_size=50")
    names = ("as they are", "weighted by the classifier", "weighted by the true ratio")
    plain, learnt, true = (lesson.metric(name, "test/loss") for name in names)
    assert learnt < 0.6 * plain and learnt == pytest.approx(true, rel=0.15)
    assert lesson.record["metrics"]["loss corrected, share"] == pytest.approx((plain - learnt) / (plain - true))


def test_the_true_ratio_is_that_of_the_two_normal_densities():
    x = np.linspace(-2, 2, 9)

    def log_density(mean, std):
        return -((x - mean) ** 2) / (2 * std**2) - np.log(std)

    expected = log_density(*TEST) - log_density(*TRAINING)
    np.testing.assert_allclose(np.polynomial.polynomial.polyval(x, true_log_ratio()), expected, atol=1e-12)


def test_points_drawn_by_the_ratio_are_distributed_as_those_of_the_test(tmp_path):
    plain, again = (shifted_points(tmp_path, log_ratio=ratio, examples=4000) for ratio in ((), true_log_ratio()))
    assert (float(plain.train.inputs.mean()), float(plain.train.inputs.std())) == pytest.approx(TRAINING, abs=0.03)
    assert (float(again.train.inputs.mean()), float(again.train.inputs.std())) == pytest.approx(TEST, abs=0.03)
    pairs, drawn = (
        set(zip(data.train.inputs[:, 0].tolist(), data.train.targets[:, 0].tolist(), strict=True))
        for data in (plain, again)
    )
    assert drawn < pairs
    assert again.test.digest() == plain.test.digest()
    origin = shifted_points(tmp_path, targets="origin", examples=50)
    assert origin.train.targets.bincount().tolist() == [50, 50]
    assert not set(origin.train.inputs[:, 0].tolist()) & set(plain.test.inputs[:, 0].tolist())
