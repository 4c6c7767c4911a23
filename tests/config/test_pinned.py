"""Weights that a run learns from are part of its config by their content."""

import hashlib
import shutil

import pytest
from helpers import QUIET, run

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.paths import portable
from dl_runner.config.pinned import local_weights, pinned
from dl_runner.config.stored import CONFIG, load_config, load_run, to_plain, to_yaml
from dl_runner.errors import Interrupted, UserError
from dl_runner.report.compare.runs import read_config
from dl_runner.running.inference import evaluate_run
from dl_runner.running.launch import launch, resume
from dl_runner.sweep.identity import identity

STOPPED = ("trainer.log_every=2 steps", "trainer.checkpoint_every=1 step")
SHORT = ("trainer.steps=3", "trainer.epochs=null", "data.limit=64", "data.batch_size=32", "model=mlp")


def plain(*overrides):
    return to_plain(compose([*QUIET, *SHORT, *overrides]))


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """{what `pretrained.from` says: the file}, each with another content."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    files = {
        "run": tmp_path / "run" / "checkpoints" / "best.safetensors",
        "last": tmp_path / "last" / "checkpoints" / "last.safetensors",
        "w.pth": tmp_path / "w.pth",
        "package:pinned_weights/models/w.pth": tmp_path / "pinned_weights" / "models" / "w.pth",
    }
    for name, file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    (tmp_path / "pinned_weights" / "__init__.py").write_text("raise AssertionError('imported')")
    return files


def test_every_source_here_is_pinned_by_its_content_and_is_another_job_with_another(sources):
    for source, file in sources.items():
        before = plain(f"pretrained.from={source}")
        checked = check_config(before)
        assert checked.pretrained.weights == checked.plain["pretrained"]["weights"] == sha(source.encode())
        assert pinned(checked.plain) == checked.plain
        job = identity(portable(before))
        assert identity(portable(before)) == job
        file.write_bytes(b"trained anew")
        assert identity(portable(before)) != job
        assert pinned(checked.plain) == checked.plain  # what has begun keeps its pin


@pytest.mark.parametrize(
    "source",
    ["gone", "run_without_weights", "torchvision:resnet18", "package:gone/w", "package:__main__/w", "package:"],
)
def test_what_is_not_here_is_not_pinned(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run_without_weights").mkdir()
    assert local_weights(source) is None
    assert "weights" not in check_config(plain(f"pretrained.from={source}")).plain["pretrained"]


def test_jobs_that_begin_at_random_are_the_same_as_before_there_were_pins():
    assert "weights" not in portable(plain())["pretrained"]


@pytest.mark.parametrize("pin", ["0000000000000000", "1234567890123456", "12345678901e2345", "00000000000b1111"])
def test_a_hash_that_looks_like_a_number_is_read_back_as_it_was(tmp_path, pin):
    (tmp_path / CONFIG).write_text(to_yaml({"pretrained": {"from": "w", "weights": pin}}))
    for read in (load_config, read_config):
        assert read(tmp_path / CONFIG)["pretrained"]["weights"] == pin


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return run(tmp_path_factory.mktemp("trained"), *SHORT).record.folder


@pytest.mark.parametrize("value", ["3", "{from: null, weights: abc}", "{from: w, weights: 3}"])
def test_what_is_no_pin_is_refused(value):
    with pytest.raises(UserError, match="pretrained"):
        check_config({**plain(), "pretrained": to_plain(compose([f"+x={value}"]))["x"]})


def test_weights_that_change_before_they_are_read_are_refused(trained, tmp_path):
    first = tmp_path / "a"
    shutil.copytree(trained, first)
    second = run(tmp_path / "b", *SHORT, "seed=1").record.folder
    checked = check_config(plain(f"pretrained.from={first}"))
    shutil.rmtree(first)
    shutil.copytree(second, first)
    with pytest.raises(UserError, match=f"^pretrained.from={first}: its weights have changed since this run began"):
        launch(checked, tmp_path, "c")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("old", [False, True], ids=["pinned", "of before there were pins"])
@pytest.mark.parametrize("change", ["deleted", "emptied", "changed"])
def test_a_run_that_has_begun_needs_its_source_no_more(trained, tmp_path, old, change):
    source = tmp_path / "a"
    shutil.copytree(trained, source)
    checked = check_config(plain(f"pretrained.from={source}", *STOPPED))
    if old:
        del checked.plain["pretrained"]["weights"]

    def stop(model):
        raise Interrupted("stopped", 2)

    with pytest.raises(Interrupted):
        launch(checked, tmp_path, "b", watch=stop)
    assert ("weights" in load_config(tmp_path / "b" / CONFIG)["pretrained"]) is not old
    if change == "deleted":
        shutil.rmtree(source)
    elif change == "emptied":
        shutil.rmtree(source / "checkpoints")
    else:
        (source / "checkpoints" / "best.safetensors").write_bytes(b"another")
    assert resume(tmp_path / "b").record["status"] == "completed"
    assert evaluate_run(tmp_path / "b", "test", None).metrics
    load_run(tmp_path / "b")
