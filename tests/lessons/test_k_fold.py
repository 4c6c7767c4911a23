"""The mean over folds deviates less from cut to cut than its folds do."""

import numpy as np
import pytest
from lesson_runs import hold


def test_the_means_over_the_folds_deviate_less_than_single_splits(tmp_path):
    lesson = hold(tmp_path, "k_fold", "lesson.folds=3", "lesson.repeats=3", "trainer.epochs=8", "optimizer.lr=0.05")
    for name in ("linear", "mlp"):
        errors = np.array(
            [
                [lesson.metric(f"{name}, cut {cut}, fold {fold}", "validation/rmse") for fold in range(3)]
                for cut in range(3)
            ]
        )
        one, many = (lesson.record["metrics"][f"{name}: deviation of {kind}"] for kind in ("one split", "the mean"))
        assert one == pytest.approx(errors.std(ddof=1)) and many == pytest.approx(errors.mean(1).std(ddof=1))
        assert many < one
