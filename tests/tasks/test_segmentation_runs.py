"""Whole runs of the segmentation task: trained in parts, resumed, evaluated, asked about a picture of one's own."""

import json

import numpy as np
import pytest
from helpers import EXACT, run
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dl_runner.cli.app import run as command
from dl_runner.errors import RunFailed
from dl_runner.training import loop

SMALL = (
    "experiment=fcn_scattered_digits",
    "model.backbone=[vgg,{depth:11,divisor:16,batch_norm:true}]",
    "data.images=24",
    "data.validation_images=7",
    "data.test_images=5",
    "data.batch_size=8",
    "augment=flip_crop",
    "trainer.evaluate_every=2 steps",
    "trainer.checkpoint_every=2 steps",
)


class Stopped(Exception):
    pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Four steps, with pictures."""
    folder = tmp_path_factory.mktemp("trained")
    return run(folder, *SMALL, "trainer.steps=4", "tracker.tensorboard=true").record.folder


def metrics(folder):
    return json.loads((folder / "run.json").read_text())["metrics"]


def test_it_reports_and_shows_what_it_has_learnt(trained):
    assert {"test/mean_iou", "test/pixel_accuracy", "test/loss", "validation/mean_iou"} <= set(metrics(trained))
    events = EventAccumulator(str(trained)).Reload()
    assert {"test/predictions", "test/iou", "train/augmented"} <= set(events.Tags()["images"])


def test_evaluate_finds_the_same_in_batches_of_another_size(trained, capsys):
    before = metrics(trained)["test/mean_iou"]
    assert command(["evaluate", str(trained), "--split", "test"]) == 0
    assert f"{before:.4f}" in capsys.readouterr().out


def test_interrupted_and_resumed_equals_uninterrupted(trained, tmp_path):
    save, saves = loop.save, []

    def stop(training):
        save(training)
        saves.append(training.step)
        if training.step == 2:
            raise Stopped

    with pytest.MonkeyPatch.context() as patch, pytest.raises(RunFailed):
        patch.setattr(loop, "save", stop)
        run(tmp_path, *SMALL, "trainer.steps=4")
    assert saves == [2]
    assert command(["resume", str(tmp_path / "run")]) == 0
    same = [name for name in metrics(trained) if name.startswith(("test/", "validation/"))]
    assert {name: metrics(tmp_path / "run")[name] for name in same} == {name: metrics(trained)[name] for name in same}


def test_predict_writes_the_picture_under_its_mask_and_says_where(trained, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = np.random.default_rng(0).integers(0, 256, (70, 90), np.uint8)
    Image.fromarray(picture).save("mine.png")
    assert command(["predict", str(trained), "mine.png", "--out", "found", "--top", "1"]) == 0
    out = capsys.readouterr().out
    assert "found/mine_masks.png" in out and out.count("%") == 1
    with Image.open("found/mine_masks.png") as found:
        assert found.mode == "RGB" and min(found.size) > 100


def test_another_size_of_pictures_is_learnt_and_masks_follow(tmp_path):
    record = run(tmp_path, *SMALL, "trainer.steps=1", "data.image_size=40").record
    assert record["status"] == "completed"


def test_an_augmentation_of_images_alone_is_refused_before_training(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mirror_plugin.py").write_text(
        "from dl_runner.registry import register\n\n\n"
        "@register('augment')\ndef mirror():\n    return lambda images, _: images\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    options = [*SMALL, *EXACT, "plugins=[mirror_plugin]", "augment.transforms=[{name:mirror}]"]
    assert command(options) == 2
    assert "augment: mirror changes images alone, but these have masks or boxes" in capsys.readouterr().err
