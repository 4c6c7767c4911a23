"""The benchmark's parts: what is run, on which data, in which process, and which variant of the bare loop is chosen."""

import gzip
import sys

import numpy as np
import pytest

from benchmark import cases
from benchmark.cases import CASES, Case
from benchmark.environment import Environment
from benchmark.measure import measure
from benchmark.probe import fastest, plain, probe
from benchmark.process import ArmFailed, run_fresh
from dl_runner.data.idx import read_idx
from dl_runner.errors import UserError

HERE = Environment("2 cores of a processor, torch 2", cuda=False, cores=2, threads=2, load=0.0)


def test_every_case_is_one_that_all_arms_can_run(tmp_path):
    sides = {"googlenet": 96, "resnet18_96": 96, "resnet18_224": 224, "alexnet": 224, "vgg": 224, "nin": 224}
    for name, case in CASES.items():
        job = cases.job(case, tmp_path, tmp_path, epochs=case.epochs)
        assert job.image_size == sides.get(name)
        assert job.batch_size == (128 if name in sides else 256)
        assert case.epochs >= 2 and case.train >= case.probe >= job.batch_size


@pytest.mark.parametrize("experiment", ["cifar10_flips", "linear_regression"])
def test_an_experiment_that_the_other_arms_cannot_run_is_refused(experiment):
    with pytest.raises(UserError, match=f"{experiment}: only plain SGD"):
        cases.settings(Case(experiment))


def test_the_first_images_are_cut_from_the_official_files(bars_root, tmp_path):
    raw = bars_root / "FashionMNIST" / "raw"
    whole, _ = read_idx(raw / "train-images-idx3-ubyte", 3)
    packed = raw / "train-images-idx3-ubyte.gz"
    packed.write_bytes(gzip.compress((raw / "train-images-idx3-ubyte").read_bytes()))
    (raw / "train-images-idx3-ubyte").unlink()
    assert cases.cut(bars_root, tmp_path / "cut", 7, 1000) == {"train": 7, "test": 40}
    kept, _ = read_idx(tmp_path / "cut" / "FashionMNIST" / "raw" / "train-images-idx3-ubyte", 3)
    assert np.array_equal(kept, whole[:7])
    packed.unlink()
    with pytest.raises(UserError, match="train-images-idx3-ubyte: missing; `dlrun"):
        cases.cut(bars_root, tmp_path / "again", 7, 7)


def test_a_program_in_its_own_process():
    held = run_fresh([sys.executable, "-c", "held = b'x' * 300_000_000; print('well')"])
    assert held.output == "well\n" and held.peak_mib > 300 * 10**6 / 2**20
    assert held.began < held.ended
    with pytest.raises(ArmFailed, match=r"^ValueError: no \(exit code 1\)$"):
        run_fresh([sys.executable, "-c", "raise ValueError('no')"])
    with pytest.raises(ArmFailed, match="stopped after 0 s"):
        run_fresh([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)


def test_what_starts_the_arms_holds_less_memory_than_any_of_them():
    program = "import bench, sys; print(sorted({'torch', 'torchvision', 'lightning'} & set(sys.modules)))"
    assert run_fresh([sys.executable, "-c", program]).output == "[]\n"


def test_figures_of_an_arm(bars_root, tmp_path):
    job = cases.job(CASES["softmax"], bars_root, tmp_path, epochs=3, variant=plain(HERE) | {"threads": 1})
    figures = measure("bare", job, 96)
    assert 0 < figures["to_first_step"] < figures["seconds"]
    # Two epochs were timed, and they are a part of the process's life.
    assert figures["examples_per_second"] > 2 * 96 / figures["seconds"]
    assert 50 < figures["peak_mib"] < 10_000
    assert 0 <= figures["test/accuracy"] <= 1


def rates(variant, timeout=None):
    """A machine on which one thread is twice as fast, bf16 three times but only with channels_last, and bytes fail."""
    if variant["data"] == "uint8":
        raise ArmFailed("no bytes (exit code 1)")
    rate = 100 * (2 if variant["threads"] == 1 else 1) * (1.01 if variant["optimizer"] == "fused" else 1)
    if variant["precision"] == "bf16":
        rate *= 3 if variant["channels_last"] else 0.1
    return {"examples_per_second": rate, "seconds": 1.0}


def test_the_probe_finds_the_best_variant_and_the_best_in_fp32():
    tried = probe(rates, HERE)
    assert tried[0]["variant"] == plain(HERE)
    threads = plain(HERE) | {"threads": 1}
    assert fastest(tried, fp32=True)["variant"] == threads, "1 % is noise, and the plainer optimizer stays"
    assert fastest(tried)["variant"] == threads | {"precision": "bf16", "channels_last": True}
    assert [one["error"] for one in tried if "error" in one] == ["no bytes (exit code 1)"]
    variants = [one["variant"] for one in tried]
    assert all(variant not in variants[:index] for index, variant in enumerate(variants))


def test_the_probe_offers_tf32_where_there_is_cuda():
    precisions = [one["variant"]["precision"] for one in probe(rates, Environment("a GPU", True, 16, 16, 0.0))]
    assert precisions[0] == "fp32" and "tf32" in precisions and "bf16" in precisions
    assert all(one["variant"]["precision"] != "tf32" for one in probe(rates, HERE))
