"""Loaders of the splits, as a config asks for them."""

import json
from collections import Counter

import torch
from helpers import QUIET, run

from dl_runner.build.builders import check_builders
from dl_runner.build.data import build_data, evaluation_loader
from dl_runner.build.model import build_device, build_device_settings, build_model
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain


def batches(*overrides: str, most: int | None) -> list:
    config = check_config(to_plain(compose([*QUIET, *overrides])))
    builders = check_builders(config)
    data = build_data(config, builders)
    model = build_model(config, builders, data.spec)
    settings = build_device_settings(config, data.spec, model, build_device(config))
    loader = evaluation_loader(config, data, "test", settings, most=most)
    return list(loader.epoch())


def test_a_few_batches_are_of_all_classes_where_examples_lie_class_by_class(tmp_path):
    from PIL import Image

    for label, shade in enumerate((0, 80, 160, 240)):
        for split, count in (("train", 6), ("test", 30)):
            folder = tmp_path / split / f"class{label}"
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (8, 8), (shade, shade, number)).save(folder / f"{number:03}.png")
    options = ("data=image_folder", f"data.path={tmp_path}", "data.image_size=8", "data.batch_size=10", "model=softmax")
    few = batches(*options, most=2)
    assert [len(batch) for batch in few] == [10, 10]
    assert Counter(torch.cat([batch.targets for batch in few]).tolist()) == dict.fromkeys(range(4), 5)
    assert sum(len(batch) for batch in batches(*options, most=None)) == 120


def test_a_few_batches_of_a_text_are_the_first(tmp_path):
    options = ("data=python_docs", "model=gru", "data.batch_size=4", "model.hidden=8")
    few, all_of_them = batches(*options, most=2), batches(*options, "trainer.evaluate_batches=null", most=1000)
    assert len(few) == 2
    assert torch.equal(few[1].inputs, all_of_them[1].inputs)


def test_a_run_that_looks_at_few_batches_is_evaluated_in_full(tmp_path):
    from dl_runner.running.inference import evaluate_run

    options = ("model=softmax", "data.batch_size=16", "trainer.steps=20", "trainer.epochs=null", "trainer.test=last")
    whole, part = (
        run(tmp_path / name, *options, *more).record.folder
        for name, more in (("whole", ()), ("part", ("trainer.evaluate_batches=2",)))
    )
    reported = [json.loads((folder / "run.json").read_text())["metrics"]["test/accuracy"] for folder in (whole, part)]
    assert reported[0] != reported[1]
    assert evaluate_run(part, "test", "last")[1] == evaluate_run(whole, "test", "last")[1]
