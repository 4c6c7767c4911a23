"""Weights to begin with: of a run, a file, or torchvision; every tensor accounted for."""

import json
import shutil

import pytest
import torch
from helpers import QUIET, run, unchecked
from safetensors.torch import load_file, save_file
from specs import labelled

from dl_runner.build.pretrained import load_pretrained
from dl_runner.build.weights import read_weights
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.parsed import PretrainedConfig
from dl_runner.config.stored import to_plain
from dl_runner.errors import Interrupted, UserError
from dl_runner.registry import builder
from dl_runner.running.launch import launch, resume
from dl_runner.spec import DataSpec, Tokens

SHORT = ("trainer.steps=3", "trainer.epochs=null", "data.limit=64", "data.batch_size=32")


def model(seed: int = 0, outputs: int = 10):
    torch.manual_seed(seed)
    return builder("model", "bn_lenet")(labelled((1, 28, 28), outputs))


def load(target, source, *without):
    return load_pretrained(target, PretrainedConfig(str(source), without))


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_every_tensor_of_a_file_is_copied_buffers_too(tmp_path, suffix):
    source, target, path = model(1), model(2), tmp_path / f"weights.{suffix}"
    source(torch.randn(4, 1, 28, 28))  # moves the running statistics
    (save_file if suffix == "safetensors" else torch.save)(source.state_dict(), path)
    loaded = load(target, path)
    assert all(value.equal(target.state_dict()[name]) for name, value in source.state_dict().items())
    assert set(loaded.loaded) == set(target.state_dict()) and not loaded.new and not loaded.left_out


def test_a_new_head_is_told_and_stays_as_it_was(tmp_path):
    source, target, path = model(1, outputs=10), model(2, outputs=3), tmp_path / "weights.pt"
    torch.save({"state_dict": source.state_dict()}, path)
    last = list(target.state_dict())[-1].rpartition(".")[0]
    before = {name: value.clone() for name, value in target.state_dict().items() if name.startswith(f"{last}.")}
    with pytest.raises(UserError, match=r"has shape \(10, 84\), the model's \(3, 84\); leave it out"):
        load(model(2, outputs=3), path)
    loaded = load(target, path, f"{last}.*")
    assert set(loaded.new) == set(loaded.left_out) == set(before)
    assert all(value.equal(target.state_dict()[name]) for name, value in before.items())
    assert "left out" in str(loaded) and "new" in str(loaded)


def test_a_tensor_with_two_names_is_in_a_file_once(tmp_path):
    spec = labelled((1, 28, 28), 10)
    torch.manual_seed(1)
    source, target = (builder("model", "tied_mlp")(spec) for _ in range(2))
    names = {value.data_ptr(): name for name, value in source.state_dict().items()}
    save_file({name: source.state_dict()[name] for name in names.values()}, tmp_path / "w.safetensors")
    assert not load(target, tmp_path / "w.safetensors").new
    assert all(value.equal(target.state_dict()[name]) for name, value in source.state_dict().items())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: state | {"extra": torch.zeros(1)}, "holds extra, which the model has not"),
        (lambda state: dict(list(state.items())[:-1]), "which the model has; is it of another model?"),
        (lambda state: {"a": 1}, "holds no dict of tensors"),
        (lambda state: [1], "holds no dict of tensors"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_copied(tmp_path, change, told):
    target, path = model(), tmp_path / "w.pt"
    before = {name: value.clone() for name, value in target.state_dict().items()}
    torch.save(change(dict(model(1).state_dict())), path)
    with pytest.raises(UserError, match=told):
        load(target, path)
    assert all(value.equal(target.state_dict()[name]) for name, value in before.items())


def test_missing_and_damaged_sources_are_named(tmp_path):
    with pytest.raises(UserError, match="no such run folder or file"):
        read_weights(str(tmp_path / "nothing.pt"))
    with pytest.raises(UserError, match="has no checkpoints"):
        read_weights(str(tmp_path))
    for name in ("w.pt", "w.safetensors"):
        (tmp_path / name).write_bytes(b"not weights")
        with pytest.raises(UserError, match=f"{name} is damaged"):
            read_weights(str(tmp_path / name))


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"w": Evil()}, tmp_path / "w.pt")
    with pytest.raises(UserError, match="damaged or holds no weights"):
        read_weights(str(tmp_path / "w.pt"))
    assert not (tmp_path / "ran").exists()


def test_a_run_begins_where_another_ended_and_says_so(tmp_path):
    first = run(tmp_path / "a", *SHORT, "model=mlp").record.folder
    second = run(tmp_path / "b", *SHORT, "model=mlp", f"pretrained.from={first}", "optimizer.lr=0.000001").record.folder
    before, after = (load_file(folder / "checkpoints" / "last.safetensors") for folder in (first, second))
    best = load_file(first / "checkpoints" / "best.safetensors")
    assert all(value.allclose(after[name], atol=1e-4) for name, value in best.items()), before.keys()
    assert f"pretrained  4 tensors of {first}" in (second / "log.txt").read_text()
    assert json.loads((second / "run.json").read_text())["status"] == "completed"


def test_a_run_is_resumed_though_what_it_began_from_is_gone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "a", *SHORT, "model=mlp")

    def stop(model):
        raise Interrupted("stopped", 2)

    options = (*QUIET, *SHORT, "model=mlp", "trainer.log_every=2 steps", "trainer.checkpoint_every=1 step")
    checked = check_config(to_plain(compose([*options, "pretrained.from=a/run"])))
    assert checked.plain["pretrained"]["from"] == str(tmp_path / "a" / "run")
    with pytest.raises(Interrupted):
        launch(checked, tmp_path, "b", watch=stop)
    shutil.rmtree(tmp_path / "a")
    assert resume(tmp_path / "b").record["status"] == "completed"


TEXT = (
    "data=python_docs",
    "model=gru",
    "model.hidden=8",
    "trainer.steps=2",
    "trainer.epochs=null",
    "data.characters=6000",
)


def test_weights_of_another_vocabulary_are_refused_though_their_shapes_fit(tmp_path):
    first = run(tmp_path / "a", *TEXT).record.folder
    tokens = json.loads((first / "fitted.json").read_text())["tokenizer"]["tokens"]
    run(tmp_path / "b", *TEXT, f"pretrained.from={first}")
    swapped = json.loads((first / "fitted.json").read_text())
    swapped["tokenizer"]["tokens"] = [*tokens[:3], tokens[4], tokens[3], *tokens[5:]]
    (first / "fitted.json").write_text(json.dumps(swapped))
    unchecked(first)
    with pytest.raises(UserError, match="was trained with another vocabulary"):
        run(tmp_path / "c", *TEXT, f"pretrained.from={first}")


def test_a_pattern_that_matches_nothing_is_refused(tmp_path):
    torch.save(model(1).state_dict(), tmp_path / "w.pt")
    with pytest.raises(UserError, match=r"pretrained.except=haed.\*: matches no tensor"):
        load(model(), tmp_path / "w.pt", "haed.*")


def test_a_tensor_of_two_names_is_left_out_by_either(tmp_path):
    spec = DataSpec(Tokens(9, 5), Tokens(9, 5), "language_model")
    torch.manual_seed(1)
    source, target = (
        builder("model", "recurrent")(spec, cell="gru", hidden=4, embedding=4, tied=True) for _ in range(2)
    )
    kept = {name: value for name, value in source.state_dict().items() if name != "head.weight"}
    torch.save(kept, tmp_path / "w.pt")
    before = target.head.weight.clone()
    loaded = load(target, tmp_path / "w.pt", "head.*")
    assert target.head.weight.equal(before) and target.embedding.weight is target.head.weight
    assert {"head.weight", "embedding.weight", "head.bias"} == set(loaded.new)


def named_otherwise(state: dict) -> dict:
    """As another library would call the same tensors."""
    return {f"layer{place}.{name.rpartition('.')[2]}": value for place, (name, value) in enumerate(state.items())}


def in_order(target, source, *without):
    return load_pretrained(target, PretrainedConfig(str(source), without, "order"))


def test_tensors_of_other_names_are_read_in_order_and_told(tmp_path):
    source, target, path = model(1), model(2, outputs=3), tmp_path / "w.pt"
    torch.save(named_otherwise(source.state_dict()), path)
    with pytest.raises(UserError, match=r"holds layer0.weight, which the model has not"):
        load(model(2), path)
    with pytest.raises(UserError, match=r"has shape \(10, 84\), the model's 14.weight \(3, 84\); leave it out with"):
        in_order(target, path)
    loaded = in_order(target, path, "14.*")
    assert set(loaded.new) == {"14.weight", "14.bias"} and len(loaded.left_out) == 2
    assert all(name.startswith("layer") for name in loaded.left_out)
    for name, value in source.state_dict().items():
        assert name.startswith("14.") or value.equal(target.state_dict()[name]), name
    again = in_order(model(2, outputs=3), path, *(f"{name}" for name in loaded.left_out))  # by the file's own names
    assert again.new == loaded.new


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: dict(list(state.items())[:-1]), "holds 24 tensors and the model 25"),
        (lambda state: dict(reversed(state.items())), "would be the model's"),
        (
            lambda state: state | {"layer0.weight": torch.zeros(6)},
            r"layer0.weight \(6,\) would be the model's 0.weight",
        ),
    ],
)
def test_what_is_not_the_same_in_order_is_refused_and_nothing_copied(tmp_path, change, told):
    target, path = model(), tmp_path / "w.pt"
    before = {name: value.clone() for name, value in target.state_dict().items()}
    torch.save(change(named_otherwise(model(1).state_dict())), path)
    with pytest.raises(UserError, match=told):
        in_order(target, path)
    assert all(value.equal(target.state_dict()[name]) for name, value in before.items())


def test_names_that_differ_alone_are_told_how_to_be_read(tmp_path):
    torch.save(named_otherwise(model(1).state_dict()), tmp_path / "w.pt")
    with pytest.raises(UserError, match="one after the other: add pretrained=in_order"):
        load(model(2), tmp_path / "w.pt")


@pytest.mark.parametrize("form", ["file", "run folder"])
def test_safetensors_which_sort_their_tensors_are_not_read_in_order(tmp_path, form):
    names = ["b.weight", "a.weight"]  # alike in kind and shape: only the order tells them apart
    target = torch.nn.Sequential(*(torch.nn.Linear(2, 2, bias=False) for _ in names))
    path = tmp_path / ("w.safetensors" if form == "file" else "checkpoints/last.safetensors")
    path.parent.mkdir(exist_ok=True)
    save_file({name: torch.full((2, 2), float(place)) for place, name in enumerate(names)}, path)
    assert list(load_file(path)) != names
    with pytest.raises(UserError, match="safetensors, which run folders hold, sorts them by name"):
        in_order(target, path if form == "file" else tmp_path)
    with pytest.raises(UserError, match="which the model has not") as caught:
        load(target, path)
    assert "in_order" not in str(caught.value)
