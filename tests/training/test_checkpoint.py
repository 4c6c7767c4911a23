"""Checkpoint files: whole or absent, safe to load, and clear about what is wrong with them."""

import os
import pickle

import pytest
import torch
from specs import labelled
from torch import nn

from dl_runner.errors import UserError
from dl_runner.registry import builder
from dl_runner.training import checkpoint
from dl_runner.training.checkpoint import Checkpoints, load_weights, read_spec

SPEC = labelled((1, 28, 28), 3, ("a", "b", "c"), (0.1,), (0.2,))
STATE = {"model": {"weight": torch.arange(6.0).view(2, 3)}, "step": 7, "metrics": {"train/loss": float("nan")}, "x": []}


@pytest.fixture
def checkpoints(tmp_path) -> Checkpoints:
    return Checkpoints(tmp_path)


def network(name: str = "mlp", seed: int = 0, **options) -> nn.Module:
    torch.manual_seed(seed)
    return builder("model", name)(SPEC, **options)


def files(checkpoints: Checkpoints) -> list[str]:
    return sorted(path.name for path in checkpoints.folder.iterdir())


def test_a_state_comes_back(checkpoints):
    checkpoints.save(STATE)
    loaded = checkpoints.load()
    assert torch.equal(loaded["model"]["weight"], STATE["model"]["weight"])
    assert loaded["step"] == 7 and loaded["metrics"]["train/loss"] != loaded["metrics"]["train/loss"]
    assert files(checkpoints) == ["last.pt"]


def test_the_files_are_where_the_run_folder_says(checkpoints, tmp_path):
    checkpoints.save(STATE)
    checkpoints.save_weights("best", network(), SPEC)
    assert checkpoints.last == tmp_path / "checkpoints" / "last.pt"
    assert checkpoints.weights("best") == tmp_path / "checkpoints" / "best.safetensors"
    assert files(checkpoints) == ["best.safetensors", "last.pt"]


def test_the_newest_state_replaces_the_older_one(checkpoints):
    for step in (1, 2):
        checkpoints.save({"step": step})
    assert checkpoints.load()["step"] == 2


def test_an_optimizer_goes_on_from_its_state(checkpoints):
    def steps(model, optimizer, n):
        for _ in range(n):
            optimizer.zero_grad()
            model(torch.ones(2, 1, 28, 28)).square().sum().backward()
            optimizer.step()

    model, other = network(seed=0), network(seed=1)
    optimizer = torch.optim.Adam(model.parameters())
    steps(model, optimizer, 2)
    checkpoints.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    steps(model, optimizer, 2)
    again = torch.optim.Adam(other.parameters())
    state = checkpoints.load()
    other.load_state_dict(state["model"])
    again.load_state_dict(state["optimizer"])
    steps(other, again, 2)
    assert all(torch.equal(*pair) for pair in zip(model.parameters(), other.parameters(), strict=True))


def test_no_checkpoint(checkpoints):
    with pytest.raises(UserError, match=r"last.pt: no checkpoint; .* start it anew"):
        checkpoints.load()


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_truncated_checkpoint_is_named(checkpoints, size):
    checkpoints.save(STATE)
    data = checkpoints.last.read_bytes()
    checkpoints.last.write_bytes(data[:size])
    with pytest.raises(UserError, match=r"last.pt: damaged or no checkpoint"):
        checkpoints.load()


def test_a_checkpoint_with_a_changed_header_is_named(checkpoints):
    checkpoints.save(STATE)
    checkpoints.last.write_bytes(b"\0" * 64 + checkpoints.last.read_bytes()[64:])
    with pytest.raises(UserError, match=r"last.pt: damaged or no checkpoint"):
        checkpoints.load()


@pytest.mark.parametrize("content", [{"version": 0}, {"step": 1}, [1, 2]])
def test_a_checkpoint_of_another_version_is_refused(checkpoints, content):
    checkpoints.folder.mkdir()
    torch.save(content, checkpoints.last)
    with pytest.raises(UserError, match=r"last.pt: written by another version"):
        checkpoints.load()


class _Code:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("write", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_a_strangers_checkpoint_runs_no_code(checkpoints, tmp_path, write):
    checkpoints.folder.mkdir()
    write({"version": 1, "model": _Code(tmp_path / "made")}, checkpoints.last)
    with pytest.raises(UserError, match="damaged or no checkpoint"):
        checkpoints.load()
    assert not (tmp_path / "made").exists()


def test_what_the_loader_would_say_of_unsafe_loading_is_not_passed_on(checkpoints):
    checkpoints.folder.mkdir()
    checkpoints.last.write_bytes(b"no checkpoint at all")
    with pytest.raises(UserError) as caught:
        checkpoints.load()
    assert "weights_only" not in str(caught.value) and "\n" not in str(caught.value)


class _Killed(BaseException):
    """Stops the program as nothing in it expects."""


@pytest.mark.parametrize("moment", ["within the write", "between write and rename"])
def test_a_kill_leaves_the_old_checkpoint(checkpoints, monkeypatch, moment):
    checkpoints.save({"step": 1})
    before = checkpoints.last.read_bytes()
    write = torch.save

    def killed(content, path):
        path.write(b"half") if moment == "within the write" else write(content, path)
        raise _Killed

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(_Killed):
        checkpoints.save({"step": 2})
    assert checkpoints.last.read_bytes() == before and checkpoints.load()["step"] == 1
    assert files(checkpoints) == ["last.pt"]


def test_a_kill_leaves_the_old_weights(checkpoints, monkeypatch):
    checkpoints.save_weights("best", network(seed=0), SPEC)
    before = checkpoints.weights("best").read_bytes()

    def killed(model, path, metadata):
        with open(path, "wb") as file:  # noqa: PTH123 a text is what the library is given
            file.write(b"half")
        raise _Killed

    monkeypatch.setattr("safetensors.torch.save_file", killed)
    with pytest.raises(_Killed):
        checkpoints.save_weights("best", network(seed=1), SPEC)
    assert checkpoints.weights("best").read_bytes() == before
    assert files(checkpoints) == ["best.safetensors"]


# One of each kind: plain, dropout, batch normalization with its statistics, residual, tied weights, buffers.
@pytest.mark.parametrize("name", ["softmax", "mlp", "lenet", "bn_lenet", "resnet", "tied_mlp", "fixed_hidden"])
def test_weights_and_their_spec_come_back(checkpoints, name):
    one, other = network(name, seed=0).eval(), network(name, seed=1).eval()
    checkpoints.save_weights("last", one, SPEC)
    load_weights(checkpoints.weights("last"), other)
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())
    assert read_spec(checkpoints.weights("last")) == SPEC


@pytest.mark.parametrize("saved_in_one_piece", [True, False])
def test_weights_that_are_parts_of_one_piece_are_saved_and_loaded(checkpoints, saved_in_one_piece):
    """As cuDNN has those of recurrent layers on a GPU."""
    one, other = nn.GRU(3, 4, 2), nn.GRU(3, 4, 2)
    expected = {name: value.clone() for name, value in one.state_dict().items()}
    in_one_piece(one if saved_in_one_piece else other)
    checkpoints.save_weights("last", one, SPEC)
    load_weights(checkpoints.weights("last"), other)
    assert all(torch.equal(value, expected[name]) for name, value in other.state_dict().items())


def in_one_piece(model: nn.Module) -> None:
    piece = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    start = 0
    for parameter in model.parameters():
        parameter.data = piece[start : start + parameter.numel()].view_as(parameter)
        start += parameter.numel()


def test_tied_weights_come_back_tied(checkpoints):
    shared, fresh = nn.Linear(3, 3), nn.Linear(3, 3)
    checkpoints.save_weights("best", nn.Sequential(shared, nn.ReLU(), shared), SPEC)
    load_weights(checkpoints.weights("best"), nn.Sequential(fresh, nn.ReLU(), fresh))
    assert torch.equal(shared.weight, fresh.weight)


@pytest.mark.parametrize("other", [("mlp", {"hidden": [8]}), ("mlp", {"hidden": [256, 8]}), ("lenet", {})])
def test_weights_of_another_model_are_refused(checkpoints, other):
    checkpoints.save_weights("best", network("mlp"), SPEC)
    name, options = other
    with pytest.raises(UserError) as caught:
        load_weights(checkpoints.weights("best"), network(name, **options))
    assert str(caught.value).startswith(f"{checkpoints.weights('best')}: damaged, or the weights of another model")
    assert "\n" not in str(caught.value)


def test_no_weight_file(checkpoints):
    for read in (read_spec, lambda path: load_weights(path, network())):
        with pytest.raises(UserError, match=r"best.safetensors: no such weight file; has the run reached"):
            read(checkpoints.weights("best"))


@pytest.mark.parametrize("size", [0, 5, 60, -1])
def test_a_truncated_weight_file_is_named(checkpoints, size):
    checkpoints.save_weights("best", network(), SPEC)
    path = checkpoints.weights("best")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match=r"best.safetensors: damaged"):
        read_spec(path)
    with pytest.raises(UserError, match=r"best.safetensors: damaged, or the weights of another"):
        load_weights(path, network())


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"data": '{"size": 3}'}])
def test_a_weight_file_without_our_spec_is_named(tmp_path, metadata):
    from safetensors.torch import save_file

    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.ones(2)}, path, metadata)
    with pytest.raises(UserError, match=r"other.safetensors: damaged or no weight file of ours"):
        read_spec(path)


def test_the_version_is_written(checkpoints):
    checkpoints.save({})
    assert torch.load(checkpoints.last, weights_only=True) == {"version": checkpoint.VERSION}
