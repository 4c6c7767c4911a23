"""Whatever a run.json holds, a reader gets what it relies on or one line."""

import json

import pytest

from dl_runner.errors import UserError
from dl_runner.runtime.record_fields import FIELDS, unfit
from dl_runner.tracking.run_folder import RunRecord


def test_every_field_of_a_record_is_in_the_table():
    assert set(FIELDS) == set(RunRecord.FIELDS)


def test_a_record_that_was_written_fits(tmp_path):
    record = RunRecord.start(tmp_path, command=["dlrun"], seed=0, device="cpu", precision="fp32")
    record.resume(3, lost="the last rows")
    record.finish("completed", {"test/loss": float("nan")}, objective={"validation/loss": float("inf")})
    assert unfit(json.loads((tmp_path / "run.json").read_text())) is None
    assert unfit(dict.fromkeys(FIELDS)) is None


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("threads", "abc", "its threads is abc, expected a whole number"),
        ("versions", 3, "its versions is 3, expected {package: text}"),
        ("left_out", 3, "its left_out is 3, expected {file: text}"),
        ("data_fingerprint", {"test": 5}, "expected {split: {examples, content, files}}"),
        ("data_fingerprint", {"test": {"examples": "x"}}, "expected {split: {examples, content, files}}"),
        ("metric_info", 4, "its metric_info is 4, expected {metric: {better, format}}"),
        ("resumed", 3, "its resumed is 3, expected a list of {time, step}"),
        ("metrics", {"test/loss": 10**400}, "expected {metric: number}"),
        ("git", "abc", "expected {commit, dirty}"),
        ("job", {"label": 3}, "expected {label, identity, command}"),
        ("start", "yesterday", "expected a time"),
        ("checksums", 3, "expected {file: checksum}"),
    ],
)
def test_a_field_of_another_kind_is_named(field, value, expected, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"status": "completed", field: value}))
    with pytest.raises(UserError) as caught:
        RunRecord.load(tmp_path)
    told = str(caught.value)
    assert told.startswith(f"{path}: damaged, its {field} is ") and expected in told and told.endswith("; restore it")
