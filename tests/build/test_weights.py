"""Where weights are from: files of packages and of torchvision, whose names hold their hashes."""

import hashlib
import urllib.error

import pytest
import torch
from torchvision.models import ResNet18_Weights

from dl_runner.build.weights import TORCHVISION, read_weights
from dl_runner.errors import UserError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """torch's cache folder, and a file of weights that torchvision is told to have published."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    torch.save({"w": torch.arange(3.0)}, tmp_path / "w.pth")
    content = (tmp_path / "w.pth").read_bytes()
    name = f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    (tmp_path / name).write_bytes(content)
    url = (tmp_path / name).as_uri()
    monkeypatch.setattr(type(ResNet18_Weights.DEFAULT), "url", property(lambda self: url))
    return tmp_path / "cache" / "hub" / "checkpoints" / name


def test_weights_of_torchvision_are_downloaded_into_the_cache_once(cache):
    assert read_weights(f"{TORCHVISION}resnet18")["w"].tolist() == [0, 1, 2]
    (cache.parents[3] / cache.name).unlink()  # from now on it is found in the cache alone
    assert read_weights(f"{TORCHVISION}resnet18.IMAGENET1K_V1")["w"].tolist() == [0, 1, 2]
    with pytest.raises(UserError, match="no such weights; did you mean IMAGENET1K_V1"):
        read_weights(f"{TORCHVISION}resnet18.IMAGENET1K_V2")


def test_a_damaged_file_in_the_cache_is_found_by_the_hash_in_its_name(cache):
    read_weights(f"{TORCHVISION}resnet18")
    content = bytearray(cache.read_bytes())
    content[-30] ^= 1
    cache.write_bytes(content)
    with pytest.raises(UserError, match=f"{cache} is damaged .* delete it to have it downloaded again"):
        read_weights(f"{TORCHVISION}resnet18")


def test_a_download_of_another_content_is_refused_and_not_kept(cache):
    (cache.parents[3] / cache.name).write_bytes(b"something else")
    with pytest.raises(UserError, match=r"cannot be downloaded .*hash"):
        read_weights(f"{TORCHVISION}resnet18")
    assert not cache.exists()


@pytest.mark.parametrize("error", [OSError("no network"), urllib.error.URLError("no route"), RuntimeError("bad hash")])
def test_offline_it_says_which_file_goes_where(tmp_path, monkeypatch, error):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def fails(*args, **options):
        raise error

    monkeypatch.setattr("torch.hub.download_url_to_file", fails)
    with pytest.raises(UserError, match=rf"put resnet18-\w+.pth of torchvision into {tmp_path}/hub/checkpoints"):
        read_weights(f"{TORCHVISION}resnet18")
    with pytest.raises(UserError, match="torchvision has no such model; did you mean resnet18"):
        read_weights(f"{TORCHVISION}resnet_18")


def test_a_file_of_an_installed_package_is_read_without_importing_it(tmp_path, monkeypatch):
    package = tmp_path / "some_weights"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    torch.save({"w": torch.ones(2)}, package / "models" / "w.pth")
    monkeypatch.syspath_prepend(tmp_path)
    assert read_weights("package:some_weights/models/w.pth")["w"].tolist() == [1, 1]
    for source, told in (
        ("package:some_weights/w.pth", "the installed package some_weights has no file w.pth"),
        ("package:some_weights", "has no file of no name"),
        ("package:no_such_weights/w.pth", "no Python package no_such_weights is installed"),
        ("package:../w.pth", "no Python package .. is installed"),
    ):
        with pytest.raises(UserError, match=told):
            read_weights(source)


@pytest.mark.parametrize(("name", "content"), [("w.py", b"import os"), ("w.pt", b""), ("w.safetensors", b"{}")])
def test_what_is_no_file_of_weights_is_one_sentence_of_ours(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_weights(str(tmp_path / name))
    assert str(caught.value).endswith(
        f"{name} is damaged or holds no weights; it has to be a file of safetensors or of torch.save, and to hold "
        "nothing but tensors by name"
    )
