"""Devices by name, precision rules, threads."""

import contextlib

import pytest
import torch
from specs import labelled, numbered

from dl_runner.errors import UserError
from dl_runner.runtime import device as module
from dl_runner.runtime.device import (
    autocast,
    check_cuda_graphs,
    peak_memory_gib,
    resolve_compile,
    resolve_device,
    resolve_memory_format,
    resolve_precision,
    set_threads,
    synchronize,
)
from dl_runner.spec import DataSpec, Tokens

CPU, CUDA, MPS = torch.device("cpu"), torch.device("cuda", 0), torch.device("mps")
CLASSES, NUMBERS = labelled((1, 8, 8), 10), numbered((3,), 1)
TOKENS = DataSpec(Tokens(28, 35), Tokens(28, 35), "language_model")


@pytest.fixture
def machine(monkeypatch):
    """Sets how many CUDA and MPS devices there seem to be."""

    def pretend(cuda: int = 0, mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(0, False, "cpu"), (2, False, "cuda"), (0, True, "mps"), (1, True, "cuda")]
)
def test_auto_takes_the_best_there_is(machine, cuda, mps, expected):
    machine(cuda, mps)
    assert resolve_device("auto") == torch.device(expected)


@pytest.mark.parametrize(("name", "cuda"), [("cpu", 0), ("cuda", 1), ("cuda:0", 1), ("cuda:1", 2)])
def test_a_device_that_is_here(machine, name, cuda):
    machine(cuda)
    assert resolve_device(name) == torch.device(name)


@pytest.mark.parametrize(
    ("name", "cuda", "message"),
    [
        ("cuda", 0, "device.name=cuda: this machine has 0 cuda devices; use device=cpu or device=auto"),
        ("cuda:1", 1, "device.name=cuda:1: this machine has 1 cuda device; use device=cpu or device=auto"),
        ("cuda:2", 2, "device.name=cuda:2: this machine has 2 cuda devices; use device=cpu or device=auto"),
        ("mps", 1, "device.name=mps: this machine has 0 mps devices; use device=cpu or device=auto"),
        ("cpu:1", 0, "device.name=cpu:1: no such device; choose auto, cpu, cuda, cuda:N or mps"),
        ("cuda:256", 1, "device.name=cuda:256: no such device; choose auto, cpu, cuda, cuda:N or mps"),
        ("meta", 0, "device.name=meta: no such device; choose auto, cpu, cuda, cuda:N or mps"),
        ("gpu", 1, "device.name=gpu: no such device; choose auto, cpu, cuda, cuda:N or mps"),
        ("cuda:x", 1, "device.name=cuda:x: no such device; choose auto, cpu, cuda, cuda:N or mps"),
        ("", 1, "device.name=: no such device; choose auto, cpu, cuda, cuda:N or mps"),
    ],
)
def test_a_device_that_is_not_here(machine, name, cuda, message):
    machine(cuda)
    with pytest.raises(UserError) as caught:
        resolve_device(name)
    assert str(caught.value) == message


@pytest.mark.parametrize("spec", [CLASSES, NUMBERS])
@pytest.mark.parametrize("device", [CPU, CUDA, MPS])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_precision_that_is_asked_for_is_used(precision, device, spec):
    assert resolve_precision(precision, device, spec, 161_706) == precision


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), "fp32"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_auto_precision_on_cuda(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert resolve_precision("auto", CUDA, CLASSES, 161_706) == expected
    assert resolve_precision("auto", CUDA, NUMBERS, 161_706) == "fp32"
    assert resolve_precision("auto", CUDA, TOKENS, 161_706) == "fp32"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx2 avx512f", "fp32"),
        ("avx512f avx512_bf16 avx512vbmi", "bf16"),
        ("amx_tile amx_bf16", "bf16"),
        ("xamx_bf16", "fp32"),
    ],
)
def test_auto_precision_on_a_processor(monkeypatch, tmp_path, flags, expected):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags : {flags}\n")
    monkeypatch.setattr(module, "CPUINFO", tmp_path / "cpuinfo")
    assert resolve_precision("auto", CPU, CLASSES, 161_706) == expected
    assert resolve_precision("auto", CPU, NUMBERS, 161_706) == "fp32"


@pytest.mark.parametrize(("device", "capability"), [(CPU, None), (MPS, None), (CUDA, (7, 5))])
def test_tf32_without_a_gpu_that_has_it(monkeypatch, device, capability):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    with pytest.raises(UserError, match=f"device.precision=tf32: {device} has none; use fp32, bf16 or auto"):
        resolve_precision("tf32", device, CLASSES, 161_706)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_only_tf32_lets_matrix_products_round_to_it(precision):
    autocast(CUDA, precision)
    assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == (precision == "tf32")


@pytest.mark.parametrize(
    ("layers", "device", "precision", "expected"),
    [
        ([torch.nn.Linear(2, 2)], CPU, "bf16", "contiguous"),
        ([torch.nn.Conv2d(1, 1, 1)], CPU, "fp32", "channels_last"),
        ([torch.nn.Conv2d(1, 1, 1), torch.nn.BatchNorm2d(1)], CPU, "fp32", "contiguous"),
        ([torch.nn.Conv2d(1, 1, 1), torch.nn.BatchNorm2d(1)], CPU, "bf16", "channels_last"),
        ([torch.nn.Conv2d(1, 1, 1), torch.nn.BatchNorm2d(1)], CUDA, "fp32", "channels_last"),
    ],
)
def test_auto_memory_format(layers, device, precision, expected):
    model = torch.nn.Sequential(*layers)
    assert resolve_memory_format("auto", model, device, precision) == expected
    assert resolve_memory_format("contiguous", model, device, precision) == "contiguous"
    assert resolve_memory_format("channels_last", model, device, precision) == "channels_last"


def test_compiling_for_a_processor_needs_a_compiler(monkeypatch):
    assert resolve_compile("auto", CPU) is resolve_compile("off", CPU) is False
    monkeypatch.setattr(module.shutil, "which", lambda name: "/usr/bin/g++" if name == "g++" else None)
    assert resolve_compile("on", CPU) is True
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    assert resolve_compile("on", CUDA) is True
    with pytest.raises(UserError, match=r"device.compile=on: needs a C\+\+ compiler"):
        resolve_compile("on", CPU)


@pytest.mark.parametrize(("parameters", "expected"), [(7_850, "fp32"), (61_706, "bf16")])
def test_a_small_model_is_not_worth_the_casts(monkeypatch, parameters, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert resolve_precision("auto", CUDA, CLASSES, parameters) == expected
    assert resolve_precision("bf16", CUDA, CLASSES, parameters) == "bf16"


def test_auto_precision_elsewhere_is_fp32():
    assert resolve_precision("auto", MPS, CLASSES, 161_706) == "fp32"


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_autocast_decides_what_a_matrix_product_computes_in(precision, dtype):
    context, layer = autocast(CPU, precision), torch.nn.Linear(2, 2)
    for _ in range(2):  # a factory: usable again
        with context():
            assert layer(torch.ones(1, 2)).dtype == dtype
    assert layer(torch.ones(1, 2)).dtype == layer.weight.dtype == torch.float32
    assert isinstance(context(), contextlib.AbstractContextManager)


def test_threads(monkeypatch):
    before = torch.get_num_threads()
    try:
        assert set_threads(1) == torch.get_num_threads() == 1
        monkeypatch.setenv("OMP_NUM_THREADS", "3")  # what the user's environment says holds
        assert set_threads(None) == torch.get_num_threads() == 3
        assert set_threads(2) == torch.get_num_threads() == 2
        monkeypatch.delenv("OMP_NUM_THREADS")
        monkeypatch.setattr(module, "allowed_cores", lambda: 4)
        assert set_threads(None) == torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_peak_memory_of_a_processor_is_this_processes_and_never_falls():
    before = peak_memory_gib(CPU)
    block = torch.ones(64 * 2**18)  # 64 MiB, touched
    assert 0.01 < before <= peak_memory_gib(CPU) < 1000
    assert peak_memory_gib(CPU) >= block.nbytes / 2**30


def test_a_processor_needs_no_waiting():
    assert synchronize(CPU) is None


def test_cuda_graphs_are_for_gpus():
    check_cuda_graphs("off", CPU)
    check_cuda_graphs("on", CUDA)
    with pytest.raises(UserError, match=r"device.cuda_graphs=on: is for NVIDIA GPUs, not for cpu; use off"):
        check_cuda_graphs("on", CPU)
