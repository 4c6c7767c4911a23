"""CIFAR-10: the official batches, read without letting a pickle run anything."""

import hashlib
import os
import pickle
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from data_formats import tree, write_python2_pickle

from dl_runner.datasets import cifar10 as module
from dl_runner.datasets.cifar10 import cifar10
from dl_runner.errors import UserError

FOLDER = "cifar-10-batches-py"


def test_small_official_batches_are_read_as_they_are(small_cifar):
    root, contents = small_cifar
    before = tree(root)
    data = cifar10(root, download=False)
    train = [contents[f"data_batch_{number}"] for number in range(1, 6)]
    pixels = np.concatenate([batch["data"] for batch in train]).reshape(-1, 3, 32, 32)
    assert torch.equal(data.train.inputs, torch.from_numpy(pixels))
    assert data.train.targets.tolist() == [label for batch in train for label in batch["labels"]]
    assert data.test.targets.tolist() == contents["test_batch"]["labels"]
    assert data.spec.classes == tuple(f"class{number}" for number in range(10))
    assert data.spec.input_shape == (3, 32, 32) and len(data.spec.inputs.mean) == len(data.spec.inputs.std) == 3
    assert tree(root) == before


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_would_run_something_is_refused_and_runs_nothing(small_cifar, tmp_path):
    root, _ = small_cifar
    trap = tmp_path / "trap"
    (root / FOLDER / "data_batch_3").write_bytes(pickle.dumps(Malicious(trap)))
    with pytest.raises(UserError, match=r"data_batch_3: .*posix\.mkdir") as raised:
        cifar10(root)
    assert "\n" not in str(raised.value)
    assert not trap.exists()


PIXELS = np.zeros((20, 3072), np.uint8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds no data"),
        ({"data": PIXELS}, "holds no labels"),
        ({"data": PIXELS.astype(np.float32), "labels": [0] * 20}, "rows of 3072 bytes"),
        ({"data": PIXELS[:, :100], "labels": [0] * 20}, "rows of 3072 bytes"),
        ({"data": PIXELS, "labels": [0] * 19}, "20 images without as many labels"),
        ({"data": PIXELS, "labels": [10] * 20}, "a label is not a number from 0 to 9"),
        ({"data": np.zeros((10_000, 3072), np.uint8), "labels": [0] * 10_000}, "damaged: md5"),
    ],
)
def test_a_batch_with_other_content_is_named(small_cifar, content, message):
    root, _ = small_cifar
    write_python2_pickle(root / FOLDER / "test_batch", content)
    with pytest.raises(UserError, match=f"test_batch: .*{message}"):
        cifar10(root)


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_truncated_batch_is_named(small_cifar, keep):
    root, _ = small_cifar
    path = root / FOLDER / "data_batch_1"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"data_batch_1: damaged"):
        cifar10(root)


def test_missing_batches_come_out_of_the_archive_and_only_they(small_cifar, monkeypatch):
    root, contents = small_cifar
    archive = root / module.ARCHIVE.name
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(root / FOLDER, FOLDER)
        tar.add(__file__, "../escaped")
    monkeypatch.setattr(
        module, "ARCHIVE", replace(module.ARCHIVE, digest=hashlib.md5(archive.read_bytes()).hexdigest(), mirrors=())
    )
    (root / FOLDER / "test_batch").unlink()
    before = tree(root / FOLDER)
    assert cifar10(root).test.targets.tolist() == contents["test_batch"]["labels"]
    after = tree(root / FOLDER)
    assert {path for path in after if path not in before} == {str(root / FOLDER / "test_batch")}
    assert not (root.parent / "escaped").exists()


def test_a_damaged_archive_and_a_missing_one_are_named(tmp_path):
    with pytest.raises(UserError, match=rf"put cifar-10-python\.tar\.gz into {tmp_path};"):
        cifar10(tmp_path, download=False)
    (tmp_path / module.ARCHIVE.name).write_bytes(b"half")
    with pytest.raises(UserError, match=r"cifar-10-python\.tar\.gz: damaged"):
        cifar10(tmp_path)
    assert not (tmp_path / FOLDER).exists()


def test_the_published_digests_are_those_of_torchvision():
    from torchvision.datasets import CIFAR10

    assert module.ARCHIVE.digest == CIFAR10.tgz_md5
    assert dict(CIFAR10.train_list) == module.TRAIN and dict(CIFAR10.test_list) == module.TEST
