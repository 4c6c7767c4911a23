"""MNIST and Fashion-MNIST: the official format, gzipped or not, and every way in which files can be wrong."""

import gzip
import shutil

import numpy as np
import pytest
import torch
from data_formats import idx_bytes, tree, write_idx

from dl_runner.datasets.fashion_mnist import FASHION_MNIST, fashion_mnist
from dl_runner.datasets.mnist import MNIST, mnist
from dl_runner.errors import UserError

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"


def compress(path):
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


@pytest.mark.parametrize("gzipped", [(), (TRAIN_IMAGES, TEST_IMAGES)], ids=["unpacked", "gzipped"])
def test_small_files_of_the_official_format_are_read_as_they_are(small_mnist, gzipped):
    root, arrays = small_mnist
    for name in gzipped:
        compress(root / "MNIST" / "raw" / name)
    before = tree(root)
    data = mnist(root, download=False)
    for split, part in ((data.train, "train"), (data.test, "t10k")):
        assert torch.equal(split.inputs[:, 0], torch.from_numpy(arrays[f"{part}-images-idx3-ubyte"]))
        assert split.targets.tolist() == arrays[f"{part}-labels-idx1-ubyte"].tolist()
    assert data.spec.input_shape == (1, 28, 28) and data.spec.outputs == len(data.spec.classes) == 10
    assert data.validation is None
    assert tree(root) == before, "reading must not touch the folder, which may be read-only"


def test_the_unpacked_file_goes_first(small_mnist):
    root, arrays = small_mnist
    (root / "MNIST" / "raw" / f"{TRAIN_IMAGES}.gz").write_bytes(b"never opened")
    assert len(mnist(root).train) == len(arrays[TRAIN_IMAGES])


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"\0")


def behead(path):
    path.write_bytes(path.read_bytes()[:6])


def empty(path):
    path.write_bytes(b"")


def labels_instead(path):
    shutil.copy(path.with_name(TRAIN_LABELS), path)


def fewer_images(path):
    write_idx(path, np.zeros((29, 28, 28), np.uint8))


def other_size(path):
    write_idx(path, np.zeros((30, 32, 32), np.uint8))


def label_ten(path):
    write_idx(path.with_name(TRAIN_LABELS), np.full(30, 10, np.uint8))


def official_size(path):
    """As many images as the official file has, other pixels: another data set, or damage."""
    write_idx(path, np.zeros((60_000, 28, 28), np.uint8))


def broken_gzip(path):
    compress(path)
    packed = path.with_name(f"{path.name}.gz")
    content = bytearray(packed.read_bytes())
    content[len(content) // 2] ^= 0xFF
    packed.write_bytes(bytes(content))


def truncated_gzip(path):
    compress(path)
    truncate(path.with_name(f"{path.name}.gz"))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (truncate, rf"{TRAIN_IMAGES}: truncated: found 23535 bytes, its header announces 23536"),
        (lengthen, rf"{TRAIN_IMAGES}: too long: found 23537 bytes, its header announces 23536"),
        (behead, rf"{TRAIN_IMAGES}: truncated: 6 bytes"),
        (empty, rf"{TRAIN_IMAGES}: not an IDX file"),
        (labels_instead, rf"{TRAIN_IMAGES}: not an IDX file of 3-dimensional bytes \(begins with 0x00000801"),
        (fewer_images, rf"{TRAIN_IMAGES} holds 29 images but {TRAIN_LABELS} 30 labels"),
        (other_size, rf"{TRAIN_IMAGES}: images of 32x32"),
        (label_ten, rf"{TRAIN_LABELS}: label 10, expected 0 to 9"),
        (official_size, rf"{TRAIN_IMAGES}: damaged, or of another data set"),
        (broken_gzip, rf"{TRAIN_IMAGES}\.gz: damaged gzip file"),
        (truncated_gzip, rf"{TRAIN_IMAGES}\.gz: damaged gzip file"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_wrong_file_is_named_with_what_is_wrong(small_mnist, harm, message):
    root, _ = small_mnist
    harm(root / "MNIST" / "raw" / TRAIN_IMAGES)
    with pytest.raises(UserError, match=message) as raised:
        mnist(root)
    assert "\n" not in str(raised.value)


def test_missing_files_and_no_download_say_what_goes_where_and_make_no_folder(tmp_path):
    root = tmp_path / "nowhere"
    with pytest.raises(UserError) as raised:
        fashion_mnist(root, download=False)
    message = str(raised.value)
    assert str(root / "FashionMNIST" / "raw") in message and "DLRUN_DATA_DIR" in message and "\n" not in message
    assert all(f"{name}.gz" in message for name in FASHION_MNIST.md5_unpacked)
    assert not root.exists()


def test_only_the_missing_file_is_asked_for(small_mnist):
    root, _ = small_mnist
    (root / "MNIST" / "raw" / TEST_IMAGES).unlink()
    with pytest.raises(UserError, match=rf"put {TEST_IMAGES}\.gz into") as raised:
        mnist(root, download=False)
    assert "train" not in str(raised.value)


@pytest.mark.parametrize("family", [MNIST, FASHION_MNIST], ids=["mnist", "fashion_mnist"])
def test_the_published_digests_are_those_of_torchvision(family):
    from torchvision import datasets

    reference = datasets.MNIST if family is MNIST else datasets.FashionMNIST
    assert family.md5 == dict(reference.resources)
    assert set(family.md5) == {f"{name}.gz" for name in family.md5_unpacked}


def test_real_fashion_mnist_equals_the_reading_of_torchvision(real_root):
    from torchvision.datasets import FashionMNIST

    data = fashion_mnist(real_root, download=False)
    for split, train in ((data.train, True), (data.test, False)):
        reference = FashionMNIST(str(real_root), train=train)
        assert torch.equal(split.inputs[:, 0], reference.data)
        assert torch.equal(split.targets, reference.targets)
    assert list(data.spec.classes) == FashionMNIST.classes
    pixels = data.train.inputs.double() / 255
    assert data.spec.inputs.mean == (pytest.approx(pixels.mean().item(), abs=1e-4),)
    assert data.spec.inputs.std == (pytest.approx(pixels.std().item(), abs=1e-4),)


def test_real_files_one_bit_off_or_with_swapped_names_are_found(real_root, tmp_path):
    source, target = real_root / "FashionMNIST" / "raw", tmp_path / "FashionMNIST" / "raw"
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for folder in (target.parent, target):
        folder.chmod(0o755)
    path = target / TEST_IMAGES
    content = bytearray(path.read_bytes())
    content[4_000_000] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match=rf"{TEST_IMAGES}: damaged"):
        fashion_mnist(tmp_path)
    shutil.copyfile(source / TEST_IMAGES, path)
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        shutil.copyfile(source / f"t10k-{kind}", target / f"train-{kind}")
        shutil.copyfile(source / f"train-{kind}", target / f"t10k-{kind}")
    with pytest.raises(UserError, match=f"{TRAIN_IMAGES}: holds the content of {TEST_IMAGES}"):
        fashion_mnist(tmp_path)


def test_idx_bytes_are_the_official_format():
    assert idx_bytes(np.array([5, 6], np.uint8)) == bytes([0, 0, 8, 1, 0, 0, 0, 2, 5, 6])
