"""The keys of a choice, from its YAML."""

from dl_runner.config.describe import settings
from dl_runner.config.keys import keys_of
from dl_runner.config.search_path import choices, groups


def test_the_files_that_a_choice_builds_on_count():
    keys = keys_of("data", "fashion_mnist")
    assert keys["download"].default is True and keys["download"].comment == "when files are missing"
    assert keys["limit"].default is None and "train on at most" in keys["limit"].comment
    assert keys_of("model", "no_such_model") == {}


def test_a_file_of_ones_own_comes_first(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fashion_mnist.yaml").write_text(
        "defaults: [_base, _self_]\nname: fashion_mnist\nbatch_size: 8\nmine: '#1' # a key\n"
    )
    keys = keys_of("data", "fashion_mnist", [tmp_path])
    assert (keys["batch_size"].default, keys["batch_size"].comment) == (8, "examples that one optimizer step sees")
    assert (keys["mine"].default, keys["mine"].comment) == ("#1", "a key")
    assert "download" not in keys


def test_the_keys_of_a_choice_in_words():
    found = {one.key: one for one in settings("optimizer", "adam")}
    assert list(found) == ["optimizer.lr", "optimizer.beta1", "optimizer.beta2", "optimizer.eps"]
    assert (found["optimizer.lr"].default, found["optimizer.lr"].takes) == ("0.001", "a number above 0")
    assert found["optimizer.lr"].meaning == "the learning rate η"
    found = {one.key: one.default for one in settings("experiment", "lessons/dropout")}
    assert (found["data"], found["model.hidden"], found["lesson.name"]) == ("fashion_mnist", "[256, 256]", "dropout")


def test_every_choice_has_keys_that_can_be_shown():
    for group in groups():
        for name in choices(group):
            for one in settings(group, name):
                assert one.key and one.default and "\n" not in f"{one.default}{one.meaning}{one.takes}", (group, name)
