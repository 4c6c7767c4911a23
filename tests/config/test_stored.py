"""A run folder's config, fitted to the place where it is read."""

import json

import pytest

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import CONFIG, load_run, to_plain, to_yaml
from dl_runner.errors import UserError


def folder(path, record: dict, *overrides):
    (path / CONFIG).write_text(to_yaml(check_config(to_plain(compose(overrides))).plain))
    (path / "run.json").write_text(json.dumps({"status": "completed"} | record))
    return path


def test_a_run_that_went_channels_last_can_be_cut_up(tmp_path):
    run = folder(tmp_path, {"memory_format": "channels_last"})
    assert load_run(run).device.memory_format == "channels_last"
    assert load_run(run, parallel={"name": "fsdp", "devices": 2}).device.memory_format == "contiguous"


def test_a_precision_of_one_kind_of_device_stays_there(tmp_path):
    run = folder(tmp_path, {}, "device.precision=tf32")
    assert load_run(run).device.precision == "tf32"
    assert load_run(run, device="cpu").device.precision == "auto"


def test_a_config_of_another_version_is_refused_by_its_version(tmp_path):
    run = folder(tmp_path, {"versions": {"dl_runner": "0.1.0"}})
    text = (run / CONFIG).read_text()
    (run / CONFIG).write_text(text.replace("name: lenet", "name: lenet5"))
    with pytest.raises(
        UserError, match=r"made by dl_runner 0.1.0, whose config .* does not understand \(model.name=lenet5"
    ):
        load_run(run)


PLAIN = check_config(to_plain(compose([]))).plain


@pytest.mark.parametrize("value", ["abc", [1, 2], 3, None, True, {}, {"name": 3}, {"name": None, "threads": "x"}])
@pytest.mark.parametrize("key", sorted(PLAIN))
def test_a_section_of_any_kind_is_one_line_or_works(key, value, tmp_path):
    (tmp_path / CONFIG).write_text(json.dumps({**PLAIN, key: value}))
    (tmp_path / "run.json").write_text(json.dumps({"status": "completed", "versions": {"dl_runner": "0.1.0"}}))
    for others in ({}, {"device": "cpu"}, {"parallel": {"name": "ddp", "devices": 2}}):
        try:
            load_run(tmp_path, **others)
        except UserError as error:
            assert "\n" not in str(error) and str(error).startswith(str(tmp_path))
