"""The benchmark's arms do the same work: the same weights, steps, losses and test images, however they compute it."""

import importlib.util
import json
import time
from dataclasses import replace

import pytest
import torch

from benchmark import cases
from benchmark.arms import bare, dlrun, notes
from dl_runner.cli.app import run
from dl_runner.tracking.run_folder import RunRecord

PLAIN = {"precision": "fp32", "channels_last": False, "threads": 1, "data": "float", "optimizer": "default"}
EPOCHS = 3
MEANS = ("train/loss", "train/accuracy", "test/accuracy")
needs_lightning = pytest.mark.skipif(not importlib.util.find_spec("lightning"), reason="lightning is not installed")


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def job(bars_root, tmp_path):
    """LeNet where every batch is the whole training set, so that its order does not matter."""
    made = cases.job(cases.CASES["lenet"], bars_root, tmp_path / "out", epochs=EPOCHS, variant=PLAIN)
    return replace(made, batch_size=96, overrides=("data.batch_size=96",))


def told(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def in_memory(job, capsys) -> list[dict]:
    bare.main(job)
    return told(capsys)


def by_notes(job, capsys) -> list[dict]:
    notes.main(job)
    return told(capsys)


def by_lightning(job, capsys) -> list[dict]:
    from benchmark.arms import lightning_loop

    lightning_loop.main(job)
    return told(capsys)


def by_dlrun(job, capsys) -> list[dict]:
    assert run([*dlrun.command(job)[3:], "device.precision=fp32"]) == 0
    assert dlrun.precision(job) == "fp32"
    return dlrun.epochs(job)


def means(events: list[dict]) -> list[list[float]]:
    return [[event[name] for name in MEANS] for event in events if "epoch" in event]


@pytest.mark.parametrize(
    ("arm", "changes"),
    [
        (in_memory, {}),
        (in_memory, {"channels_last": True}),
        (in_memory, {"data": "uint8", "optimizer": "fused"}),
        pytest.param(by_lightning, {"data": "loader"}, marks=needs_lightning),
        pytest.param(by_lightning, {"data": "memory"}, marks=needs_lightning),
        (by_dlrun, {}),
    ],
)
@pytest.mark.filterwarnings("ignore::Warning")  # Lightning's advice about workers
def test_arms_agree_with_the_notes_loop(job, capsys, arm, changes):
    job = replace(job, lr=1.0, overrides=(*job.overrides, "optimizer.lr=1.0"))
    expected = by_notes(job, capsys)
    found = arm(replace(job, variant=PLAIN | changes), capsys)
    torch.testing.assert_close(means(found), means(expected), rtol=1e-4, atol=1e-5)
    losses = [event["train/loss"] for event in found if "epoch" in event]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.99 * losses[0]
    for events in (expected, found):
        assert [event["epoch"] for event in events if "epoch" in event] == [1, 2, 3]
        assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    for events in (expected, *([] if arm is by_dlrun else [found])):
        assert [event.get("step") for event in events] == [1, None, None, None]
        assert {event["tested"] for event in events if "epoch" in event} == {40}


@pytest.mark.parametrize(
    ("arm", "changes"),
    [(in_memory, {}), pytest.param(by_lightning, {"data": "memory"}, marks=needs_lightning)],
)
@pytest.mark.filterwarnings("ignore::Warning")
def test_images_enlarged_a_batch_at_a_time_are_those_of_pil_but_for_its_rounding(job, capsys, arm, changes):
    job = replace(job, image_size=40)
    expected = means(by_notes(job, capsys))
    torch.testing.assert_close(
        means(arm(replace(job, variant=PLAIN | changes), capsys)), expected, rtol=2e-3, atol=0.03
    )


def test_the_bare_loop_takes_dlruns_order_so_its_losses_are_dlruns(job, capsys):
    job = replace(job, batch_size=20, overrides=("data.batch_size=20",), seed=3)
    torch.testing.assert_close(means(in_memory(job, capsys)), means(by_dlrun(job, capsys)), rtol=1e-3, atol=1e-5)


def test_bf16_computes_nearly_the_same(job, capsys):
    exact, rounded = (
        [row[0] for row in means(in_memory(replace(job, variant=PLAIN | {"precision": precision}), capsys))]
        for precision in ("fp32", "bf16")
    )
    assert exact != rounded
    torch.testing.assert_close(rounded, exact, rtol=0.02, atol=0)


def test_dlrun_tells_of_its_first_step_in_the_run_that_is_made_for_it(job):
    before = time.time()
    assert run(dlrun.start_up(job)[3:]) == 0
    assert before < dlrun.first_step(job) < time.time()
    assert RunRecord.load(dlrun.run_folder(job))["step"] == 1
    assert dlrun.epochs(job) == []
