"""A weight file carries its own checksum, in which every byte counts."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from dl_runner.training.seal import BLANK, KEY, intact, seal

WEIGHTS = {"weight": torch.arange(24.0).view(4, 6), "bias": torch.ones(3, dtype=torch.int8)}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("seal") / "w.safetensors"
    save_file(WEIGHTS, path, {"data": '{"sha256":"a"}', KEY: BLANK, "zz": "last"})
    seal(path)
    return path


def test_a_sealed_file_is_an_ordinary_one(path):
    assert intact(path)
    assert all(torch.equal(value, WEIGHTS[name]) for name, value in load_file(path).items())
    with safe_open(path, "pt") as file:
        assert file.metadata()[KEY] != BLANK and file.metadata()["data"] == '{"sha256":"a"}'


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_bit_can_change(path, data):
    content = path.read_bytes()
    place, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
    other = path.with_name("changed.safetensors")
    other.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
    assert not intact(other)  # False, or None where the flip hit the word before the digits


@pytest.mark.parametrize("size", [0, 4, 30, -1])
def test_no_part_can_be_missing(path, size):
    other = path.with_name("cut.safetensors")
    other.write_bytes(path.read_bytes()[:size])
    assert not intact(other)


def test_a_file_of_others_has_no_seal(tmp_path):
    save_file(WEIGHTS, tmp_path / "w.safetensors")
    assert intact(tmp_path / "w.safetensors") is None
    with pytest.raises(ValueError, match="no room"):
        seal(tmp_path / "w.safetensors")
