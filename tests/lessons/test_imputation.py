"""An indicator helps where large values are missing, and changes little where chance decides."""

import pytest
from lesson_runs import hold

from dl_runner.datasets.incomplete_rows import incomplete_rows


def test_which_choice_is_best_depends_on_why_values_are_missing(tmp_path):
    lesson = hold(tmp_path, "imputation", "data.examples=600", "data.batch_size=60", "trainer.epochs=25")
    whole = lesson.record["metrics"]["nothing missing: test/rmse"]
    chance, large = (
        {name: lesson.metric(f"{why}, {name}", "test/rmse") for name in ("constant 0", "mean", "mean and indicator")}
        for why in ("chance", "large")
    )
    assert max(*chance.values(), *large.values()) > 4 * whole
    assert chance["mean"] < 0.9 * chance["constant 0"]
    assert chance["mean and indicator"] == pytest.approx(chance["mean"], rel=0.05)
    assert large["mean and indicator"] < 0.8 * large["mean"]
    gain = lesson.record["metrics"]["large: indicator's gain"]
    assert gain == pytest.approx(1 - large["mean and indicator"] / large["mean"])


@pytest.mark.parametrize("why", ["chance", "large"])
def test_the_share_of_missing_values_is_about_what_was_asked_for(why, tmp_path):
    data = incomplete_rows(tmp_path, why=why, share=0.3, examples=4000)
    missing = data.train.numeric.isnan()
    assert missing[:, :2].double().mean() == pytest.approx(0.3 * (0.9 if why == "large" else 1), abs=0.02)
    assert not missing[:, 2].any()
    if why == "large":
        whole = incomplete_rows(tmp_path, share=0.0, examples=4000).train.numeric
        assert whole[missing].min() > whole[:, :2].median()
