"""Fine-tuning, unfreezing, memorization and the temperature of distillation, on few digits."""

import json

import pytest
from lesson_runs import hold
from safetensors.torch import load_file

SMALL = ("data.image_size=12", "trainer.steps=6", "lesson.source_epochs=1")


def weights(lesson, arm):
    return load_file(lesson.folder / "arms" / arm / "checkpoints" / "last.safetensors")


def arms(lesson):
    return {path.name for path in (lesson.folder / "arms").iterdir()}


def test_fine_tuned_networks_begin_with_the_old_weights_but_for_the_head(tmp_path):
    options = ("lesson.examples=[20]", "lesson.seeds=[0]", "trainer.evaluate_every='6 steps'")
    lesson = hold(tmp_path, "fine_tuning", *SMALL, *options)
    names = ("learns_random_labels,_seed_0", "from_scratch,_20_examples,_seed_0", "fine-tuned,_20_examples,_seed_0")
    assert arms(lesson) == set(names)
    before, scratch, tuned = (weights(lesson, arm) for arm in names)
    for name in ("0.weight", "3.weight", "7.weight", "9.weight"):  # six small steps from the old weights
        assert (tuned[name] - before[name]).abs().max() < 0.005
        assert (tuned[name] - before[name]).norm() < (scratch[name] - before[name]).norm()
    told = (lesson.folder / "arms" / names[2] / "log.txt").read_text()
    assert "left out: 11.bias, 11.weight; new: 11.weight, 11.bias" in told
    assert "from scratch, 20 examples: mean test/accuracy" in lesson.record["metrics"]


def test_the_layers_that_do_not_learn_stay_as_they_were(tmp_path):
    lesson = hold(tmp_path, "unfreezing", *SMALL, "lesson.examples=[60]", "lesson.seeds=[0]")
    before = weights(lesson, "learns_random_labels,_seed_0")
    for count, learning in enumerate(("11.", "9.", "7.", "3.", "0."), 1):
        after = weights(lesson, f"60_examples,_{count}_of_5_layers_learn,_seed_0")
        moved = {name.split(".")[0] + "." for name, value in before.items() if not value.equal(after[name])}
        assert len(moved) == count and learning in moved


@pytest.mark.thorough
def test_random_labels_are_learnt_by_heart_and_regularizers_keep_a_network_from_it(tmp_path):
    every = ("trainer.epochs=40", "trainer.evaluate_every='40 epochs'", "trainer.log_every='40 epochs'")
    options = ("data.limit=100", "lesson.shares=[0.0,0.5,1.0]", "model.hidden=[128]")
    lesson = hold(tmp_path, "memorization", *options, *every)
    fitted = {
        name: lesson.metric(f"100% random labels, regularizers {name}", "train/accuracy_with_all_units")
        for name in ("none", "dropout 0.5", "weight decay 5", "both")
    }
    assert fitted["none"] > 0.85 and fitted["both"] < fitted["none"] - 0.2
    assert lesson.metric("100% random labels, regularizers none", "test/accuracy") < 0.35


@pytest.mark.thorough
def test_students_hear_a_teacher_of_their_own_lesson(tmp_path):
    options = ("lesson.temperatures=[1,4]", "lesson.seeds=[0,1]", "lesson.steps=5", "trainer.epochs=1")
    lesson = hold(tmp_path, "distillation_temperature", *options, "data.image_size=12", "trainer.log_every='1 epoch'")
    taught = lesson.folder / "arms" / "a_student_taught_at_T_=_4,_seed_1"
    config = (taught / "config.yaml").read_text()
    assert f"teacher: {lesson.folder / 'arms' / 'the_teacher'}" in config and "temperature: 4" in config
    assert "teacher_weights: null" not in config and "- 16" in config
    alone = json.loads((lesson.folder / "arms" / "a_student_alone,_seed_0" / "run.json").read_text())
    assert alone["status"] == "completed" and alone["parameters"] < 5000
    assert {"a student alone: mean test/accuracy", "a student taught at T = 1: mean test/accuracy"} <= set(
        lesson.record["metrics"]
    )


@pytest.mark.parametrize("name", ["fine_tuning", "unfreezing"])
def test_a_source_is_told_by_keys_of_the_data(tmp_path, name):
    from dl_runner.errors import UserError

    with pytest.raises(UserError, match="no_such"):
        hold(tmp_path, name, "lesson.source.name=no_such")
