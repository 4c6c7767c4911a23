"""Fingerprints of splits: what changes them, what does not, and how a change is told."""

import json

import pytest
import torch

from dl_runner.data import fingerprint as module
from dl_runner.data.dataset import Data
from dl_runner.data.fingerprint import content_changes, fingerprint, fingerprints, spec_changes
from dl_runner.data.splits import FileSplit, TensorSplit
from dl_runner.data.text import TextSplit, TokenStream
from dl_runner.errors import UserError
from dl_runner.spec import Classes, DataSpec, Image, Numbers, Vector


@pytest.fixture
def files(tmp_path):
    """Six files, the last of which is larger than three pieces."""
    paths = tuple(tmp_path / f"{number}.png" for number in range(6))
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * (20 + 20_000 * (number == 5)))
    return paths


def split_of(files, kind):
    targets = torch.arange(len(files)) // 3
    if kind == "files":
        return FileSplit(files, targets, 4)
    return TensorSplit(torch.zeros(len(files), 3, 4, 4, dtype=torch.uint8), targets, files=files)


KINDS = pytest.mark.parametrize("kind", ["files", "memory"])
SPLITS = {
    "vectors": lambda x: TensorSplit(x, torch.arange(4)),
    "fields": lambda x: TensorSplit({"a": x, "b": torch.zeros(4, 1)}, {"c": torch.ones(4, 1)}),
    "targets": lambda x: TensorSplit(torch.zeros(4, 1), x),
    "text": lambda x: TextSplit("".join(chr(97 + int(n)) for n in x.flatten())),
    "tokens": lambda x: TokenStream(x.flatten().long(), 2),
}


@pytest.mark.parametrize("make", SPLITS.values(), ids=SPLITS)
def test_one_number_of_any_kind_of_split_changes_its_fingerprint(make):
    x = torch.arange(8.0).view(4, 2)
    changed, swapped = x.clone(), x.flip(0)
    changed[3, 1] += 1
    prints = [json.dumps(fingerprint(make(one))) for one in (x, x.clone(), changed, swapped, x[:3].repeat(2, 1)[:4])]
    assert prints[0] == prints[1] and len(set(prints)) == 4


@KINDS
@pytest.mark.parametrize("place", [0, 5])
def test_one_byte_of_one_file_changes_the_fingerprint_and_the_file_is_named(files, kind, place):
    before = {"train": fingerprint(split_of(files, kind))}
    data = Data(None, split_of(files, kind))
    assert content_changes(before, data, ["train"]) == []
    content = bytearray(files[place].read_bytes())
    content[len(content) // 3] ^= 1
    files[place].write_bytes(content)
    (told,) = content_changes(before, data, ["train"])
    assert told == f"the train split has other content in its 6 examples, first at {files[place]}"


def test_files_in_memory_and_on_disk_have_the_same_fingerprint(files):
    assert fingerprint(split_of(files, "files")) == fingerprint(split_of(files, "memory"))


@KINDS
def test_the_names_of_files_are_not_their_content(files, kind):
    before = fingerprint(split_of(files, kind))
    renamed = tuple(path.rename(path.with_suffix(".jpg")) for path in files)
    assert fingerprint(split_of(renamed, kind)) == before


@KINDS
@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ([0, 1, 2, 4, 5], "had 6 examples and has 5, first at {4}"),
        ([0, 1, 2, 3, 4], "had 6 examples and has 5, those after {4} are gone"),
        ([1, 0, 2, 3, 4, 5], "has other content in its 6 examples, first at {1}"),
        ([0, 1, 2, 3, 4, 5, 5], "had 6 examples and has 7, first at {5}"),
    ],
)
def test_files_that_are_gone_added_or_in_another_order_are_named(files, kind, chosen, told):
    before = {"test": fingerprint(split_of(files, kind))}
    now = Data(None, split_of(files, kind), test=split_of(tuple(files[place] for place in chosen), kind))
    assert content_changes(before, now, ["test"]) == [f"the test split {told.format(*files)}"]


def test_another_label_is_another_content(files):
    one = split_of(files, "files")
    assert fingerprint(one) != fingerprint(FileSplit(files, 1 - one.targets, 4))


def test_of_many_bytes_size_beginning_middle_and_end_are_read(files, monkeypatch):
    monkeypatch.setattr(module, "READ_WHOLE", 100)
    before, large = fingerprint(split_of(files, "files")), files[5]
    content, size = large.read_bytes(), large.stat().st_size
    noticed = []
    for place in (0, size // 2, size - 1, 5000):
        large.write_bytes(content[:place] + b"x" + content[place + 1 :])
        noticed.append(fingerprint(split_of(files, "files")) != before)
    large.write_bytes(content + b"x")
    assert [*noticed, fingerprint(split_of(files, "files")) != before] == [True, True, True, False, True]


def test_too_many_files_are_not_listed_but_known(files, monkeypatch):
    monkeypatch.setattr(module, "LISTED", 5)
    before = {"train": fingerprint(split_of(files, "files"))}
    files[2].write_bytes(b"other")
    (told,) = content_changes(before, Data(None, split_of(files, "files")), ["train"])
    assert told == "the train split has other content in its 6 examples"


def test_a_split_that_is_new_or_gone_is_told_and_an_old_record_says_nothing():
    one, two = TensorSplit(torch.zeros(4, 1), torch.arange(4)), TensorSplit(torch.ones(4, 1), torch.arange(4))
    before = fingerprints(Data(None, one, validation=two))
    assert set(before) == {"train", "validation"}
    told = content_changes(before, Data(None, one, test=two))
    assert told == ["the validation split is gone", "the test split is new"]
    assert content_changes({}, Data(None, two)) == []


def test_a_file_that_cannot_be_read_is_named(files):
    files[1].unlink()
    with pytest.raises(UserError, match=r"1\.png: cannot be read \(No such file"):
        fingerprint(split_of(files, "files"))


def spec(*names, inputs=None, task="classification"):
    return DataSpec(inputs or Image(3, 8, 8), Classes(names), task)


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (spec("a", "b"), spec("a", "b"), []),
        (spec("a", "b"), spec("a", "c"), ["the classes are now without b and with c, new"]),
        (spec("a", "b", "c"), spec("a", "b"), ["the classes are now without c"]),
        (spec("a", "b"), spec("b", "a"), ["the classes are now in another order: b, a"]),
        (spec("a", "b", inputs=Image(1, 8, 8)), spec("a", "b"), ["inputs.channels was 1 and is 3"]),
    ],
)
def test_what_differs_between_two_kinds_of_data_is_told(before, now, told):
    assert spec_changes(before, DataSpec.from_dict(json.loads(json.dumps(now.to_dict())))) == told


def test_another_kind_of_targets_is_told():
    told = spec_changes(spec("a", "b", inputs=Vector(2)), DataSpec(Vector(2), Numbers(1), "regression"))
    assert "targets.kind was Classes and is Numbers" in told and "task was classification and is regression" in told
