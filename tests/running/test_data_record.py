"""A run whose pictures change between its training and what comes after it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import run as train
from helpers import unchecked
from PIL import Image

from dl_runner.cli.app import run

CLASSES = ("cat", "dog")


@pytest.fixture(scope="module", params=["true", "false"], ids=["memory", "files"])
def trained(request, tmp_path_factory):
    """A folder with pictures and a run in it that has not ended."""
    folder = tmp_path_factory.mktemp("trained")
    generator = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        for part, count in (("train", 8), ("test", 4)):
            (folder / "photos" / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(120 * label, 120 * label + 120, (8, 8, 3), np.uint8)
                Image.fromarray(pixels).save(folder / "photos" / part / name / f"{number}.png")
    options = ("data.image_size=8", "data.batch_size=4", "data.validation=0.25", "model=softmax", "trainer.epochs=1")
    photos = f"data.path={folder / 'photos'}"
    train(folder, "data=image_folder", photos, *options, f"data.in_memory={request.param}")
    return folder


@pytest.fixture
def place(trained, tmp_path, monkeypatch):
    """A copy of it, as its working directory."""
    shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    config = Path("run/config.yaml").read_text()
    Path("run/config.yaml").write_text(config.replace(str(trained), str(tmp_path / "copy")))
    unchecked(Path("run"))
    return tmp_path / "copy"


def interrupted():
    record = json.loads(Path("run/run.json").read_text())
    Path("run/run.json").write_text(json.dumps({**record, "status": "interrupted"}))


def exchange(part):
    file = Path("photos", part, "cat", "2.png")
    Image.new("RGB", (8, 8), (1, 2, 3)).save(file)
    return file.absolute()


def rename():
    for part in ("train", "test"):
        Path("photos", part, "dog").rename(Path("photos", part, "wolf"))


def test_resuming_with_one_other_picture_is_refused_and_the_picture_is_named(place, capsys):
    interrupted()
    file = exchange("test")
    assert run(["resume", "run"]) == 2
    told = capsys.readouterr().err
    assert "the data have changed since the run began" in told and told.count("\n") == 1
    assert f"the test split has other content in its 8 examples, first at {file}" in told


def test_resuming_with_another_class_is_refused_and_the_class_is_named(place, capsys):
    interrupted()
    rename()
    assert run(["resume", "run"]) == 2
    assert "the classes are now without dog and with wolf, new" in capsys.readouterr().err


def test_resuming_with_the_same_pictures_elsewhere_goes_on(place, capsys):
    interrupted()
    config = Path("run/config.yaml").read_text()
    shutil.move("photos", "moved")
    Path("run/config.yaml").write_text(config.replace(str(place / "photos"), str(place / "moved")))
    assert run(["resume", "run"]) == 0


def test_evaluating_on_another_test_set_warns_on_another_training_set_does_not(place, capsys):
    exchange("train")
    assert run(["evaluate", "run"]) == 0
    plain = capsys.readouterr()
    assert "warning" not in plain.out + plain.err
    file = exchange("test")
    assert run(["evaluate", "run"]) == 0
    told = capsys.readouterr()
    warning = f"warning: the test split has other content in its 8 examples, first at {file}"
    assert warning in told.out and warning in told.err and "test/accuracy" in told.out


def test_evaluating_on_other_classes_is_refused(place, capsys):
    rename()
    assert run(["evaluate", "run"]) == 2
    told = capsys.readouterr()
    assert "trained on other data: the classes are now without dog and with wolf" in told.err
    assert "accuracy" not in told.out


def test_weights_of_another_run_with_other_classes_are_refused(place, capsys):
    record = json.loads(Path("run/run.json").read_text())
    record["data"]["targets"]["names"] = ["ant", "bee"]
    Path("run/run.json").write_text(json.dumps(record))
    assert run(["predict", "run", "photos/test/cat/0.png"]) == 2
    assert "without cat, dog and with ant, bee" in capsys.readouterr().err


def test_a_run_of_an_earlier_version_is_evaluated_and_goes_on_with_a_warning(place, capsys, caplog):
    record = json.loads(Path("run/run.json").read_text())
    del record["data_fingerprint"]
    Path("run/run.json").write_text(json.dumps({**record, "status": "interrupted"}))
    exchange("test")
    assert run(["evaluate", "run"]) == 0
    assert run(["resume", "run"]) == 0
    assert "whether its data are unchanged cannot be told" in caplog.text
