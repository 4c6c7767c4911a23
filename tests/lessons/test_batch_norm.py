"""With batch normalization LeNet learns at rates that break the plain one."""

import json

from lesson_runs import hold


def test_batch_normalization_bears_a_higher_learning_rate_and_a_divergence_is_a_result(tmp_path):
    options = ("data=digits", "data.limit=600", "data.image_size=16", "trainer.epochs=3", "lesson.rates=[1,1e20]")
    lesson = hold(tmp_path, "batch_norm", *options, "trainer.evaluate_every='1 epoch'")
    assert lesson.metric("bn_lenet, lr 1", "validation/accuracy") > 0.6
    assert lesson.record["metrics"].get("lenet, lr 1: validation/accuracy", 0) < 0.3  # guessing, or diverged
    for model in ("lenet", "bn_lenet"):
        arm = json.loads((lesson.folder / "arms" / f"{model},_lr_1e+20" / "run.json").read_text())
        assert arm["status"] == "failed" and "Diverged" in arm["traceback"]
        assert not [name for name in lesson.record["metrics"] if name.startswith(f"{model}, lr 1e+20")]
