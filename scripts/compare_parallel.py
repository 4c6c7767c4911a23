"""Train the same runs in one process and in two, and print how far their losses are apart.

    python scripts/compare_parallel.py                   # LeNet and ResNet-18, 50 steps each; minutes on two cores
    python scripts/compare_parallel.py lenet --steps 20

Each run is a command line of its own, on digits, in fp32; batch normalization takes the statistics of the whole batch.
Exit code 1 where two processes are more than 1e-5 off.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

MODELS = {
    "lenet": ("model=lenet", "data.batch_size=64", "optimizer.lr=0.1"),
    "resnet18": ("model=resnet18", "data.batch_size=32", "optimizer.lr=0.01"),
}
STRATEGIES = ("ddp", "fsdp", "manual")
ALLOWED = 1e-5


def losses(model: str, steps: int, *overrides: str) -> list[float]:
    """The training loss of each step."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "dl_runner", *MODELS[model], "data=digits", f"trainer.steps={steps}"]
        command += ["trainer.log_every=1 step", "trainer.test=never", "tracker.console=none", f"outputs={folder}"]
        command += ["device=cpu", "device.precision=fp32", "device.memory_format=contiguous", "device.threads=1"]
        subprocess.run([*command, *overrides], check=True)
        (path,) = Path(folder).rglob("metrics.jsonl")
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return [row["train/loss"] for row in rows if "train/loss" in row]


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)} (default: all)")
    parser.add_argument("--steps", type=int, default=50)
    given = parser.parse_args()
    if unknown := [name for name in given.models if name not in MODELS]:
        parser.error(f"{unknown[0]}: no such model; choose of {', '.join(MODELS)}")
    worst = 0.0
    print("| model | parallel | steps | first loss | last loss | largest difference |\n|---|---|---|---|---|---|")
    for model in given.models or MODELS:
        alone = losses(model, given.steps)
        for name in STRATEGIES:
            options = [f"parallel={name}", "parallel.devices=2", "parallel.sync_batchnorm=true"]
            found = losses(model, given.steps, *options)
            apart = max(abs(one - other) for one, other in zip(alone, found, strict=True))
            worst = max(worst, apart)
            print(f"| {model} | {name} | {len(found)} | {found[0]:.4f} | {found[-1]:.4f} | {apart:.1e} |", flush=True)
    return int(worst > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
