"""What run.json says of the files beside it is checked by whoever reads them."""

import json
import pickle

import pytest

from dl_runner.errors import UserError
from dl_runner.runtime.checksums import Growing, begins_as, known_checksum, read_checked, read_record, sealed, sha256

FIELDS = {"status": "completed", "metrics": {"test/accuracy": 0.91, "test/loss": "nan"}, "checksums": {}}


def write(folder, fields) -> None:
    (folder / "run.json").write_text(json.dumps(fields))


def test_a_record_is_read_as_it_was_sealed_however_it_is_laid_out(tmp_path):
    write(tmp_path, sealed(FIELDS))
    assert read_record(tmp_path)["metrics"] == FIELDS["metrics"]
    (tmp_path / "run.json").write_text(json.dumps(sealed(FIELDS), indent=7))
    assert read_record(tmp_path)["status"] == "completed"


@pytest.mark.parametrize("change", [{"status": "running"}, {"metrics": {"test/accuracy": 0.92}}, {"more": 1}])
def test_a_record_that_was_changed_is_refused_unless_its_checksums_were_removed(tmp_path, change):
    write(tmp_path, sealed(FIELDS) | change)
    with pytest.raises(UserError, match=r"run.json: damaged, not as the run wrote it; .* remove \"checksums\""):
        read_record(tmp_path)
    write(tmp_path, FIELDS | change | {"checksums": None})
    assert read_record(tmp_path)["metrics"]


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{}", "[]", '{"status": 1, "checksums": 3}', '{"status": ', "\ufeff{}"]
)
def test_what_is_no_record_is_refused_in_a_line(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(UserError, match=r"run.json: damaged") as caught:
        read_record(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_is_compared_with_what_the_record_says_of_it(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("a: 1\n")
    assert known_checksum(path) is None and read_checked(path) == b"a: 1\n"  # no record
    write(tmp_path, sealed(FIELDS))
    assert read_checked(path) == b"a: 1\n"  # of before there were checksums
    write(tmp_path, sealed({**FIELDS, "checksums": {"config.yaml": sha256(b"a: 1\n")}}))
    assert read_checked(path) == b"a: 1\n"
    path.write_text("a: 2\n")
    with pytest.raises(UserError, match=r"config.yaml: damaged"):
        read_checked(path)


def test_a_file_that_grows_must_begin_as_it_did(tmp_path):
    path = tmp_path / "metrics.jsonl"
    growing = Growing(path)
    assert growing.checksum() is None and begins_as(b"anything", None)
    path.write_bytes(b"one\n")
    first = growing.checksum()
    with path.open("ab") as file:
        file.write(b"two\n")
    second = growing.checksum()
    assert second == Growing(path).checksum() and second["bytes"] == 8
    assert pickle.loads(pickle.dumps(growing)).checksum() == second
    assert begins_as(b"one\ntwo\nthree", first) and begins_as(b"one\ntwo\n", second)
    for damaged in (b"", b"one\n", b"one\ntwi\n", b"\none\ntwo"):
        assert not begins_as(damaged, second)
    assert not begins_as(b"one\n", 3) and not begins_as(b"one\n", {"bytes": "4"})
