"""Small runs for tests, in this process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.running.launch import Result, launch

# The same numbers on every processor.
EXACT = ("device=cpu", "device.precision=fp32", "device.memory_format=contiguous", "device.threads=1")
# The pictures for TensorBoard take longer than a small training: a test that looks at them asks for them.
QUIET = ("tracker.console=none", "tracker.tensorboard=false", *EXACT)


# Seconds after which a process that a test waits for hangs; no busy machine makes one that does not take so long.
HANGS = 300


class _ToDouble(TorchFunctionMode):
    """Pixels become float64 where the program makes floats of them, before they are resized and normalized; so do
    float32 targets beside float64 predictions, which torch 2.11 refuses to compare."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.float and args[0].dtype == torch.uint8:
            function = torch.Tensor.double
        elif function is F.mse_loss:
            args = [tensor.double() for tensor in args]
        return function(*args, **(kwargs or {}))


@contextmanager
def double() -> Iterator[None]:
    """Within it a run's weights, inputs, random numbers, optimizer state and statistics are float64.

    For tests that compare whole trainings: in float32 the rounding that differs between two orders of the same sum, and
    between two processors, grows from step to step.
    """
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    try:
        with _ToDouble():
            yield
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_default_dtype(torch.float32)


def run(tmp_path: Path, *overrides: str, quiet: bool = True) -> Result:
    """Train what `dlrun OVERRIDES` would, in tmp_path/run."""
    options = [*(QUIET if quiet else ()), f"outputs={tmp_path}", *overrides]
    return launch(check_config(to_plain(compose(options))), tmp_path, "run")


def rows(folder: Path) -> list[dict]:
    """The rows of metrics.jsonl without what differs from one machine and moment to another."""
    clocks = ("time", "_gib", "_per_second")
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if not key.endswith(clocks)} for line in lines]


def unchecked(folder: Path) -> None:
    """What somebody does who has changed a file of a run on purpose."""
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "checksums": None}))


def move_to(folder: Path, patch: pytest.MonkeyPatch, name: str, source: str) -> None:
    """Make `folder` the working directory, with a model of a test's own: plugins=[NAME_model], `--config-dir conf`."""
    patch.chdir(folder)
    patch.delenv("DLRUN_OUTPUT_DIR", raising=False)
    Path(f"{name}_model.py").write_text(source)
    Path("conf/model").mkdir(parents=True)
    Path(f"conf/model/{name}.yaml").write_text(f"name: {name}\nwidth: 8\n")
