"""Where the arms run. A program of its own, because the one that starts them must import no torch."""

import json
import os
import sys
from dataclasses import dataclass

from benchmark.process import run_fresh
from dl_runner.tracking.provenance import versions
from hardware import hardware


@dataclass(frozen=True)
class Environment:
    """Args:
    hardware: the device that "auto" means here, in words with torch's version.
    cuda: whether it is a CUDA one.
    cores: that a process may use.
    threads: that dlrun uses: OMP_NUM_THREADS, or one a core.
    load: average of the last minute, before anything of ours ran.
    """

    hardware: str
    cuda: bool
    cores: int
    threads: int
    load: float

    @classmethod
    def here(cls) -> "Environment":
        load = os.getloadavg()[0]
        return cls(load=load, **json.loads(run_fresh([sys.executable, "-m", "benchmark.environment"]).output))


def main() -> None:
    from dl_runner.runtime.cores import allowed_cores
    from dl_runner.runtime.device import resolve_device, set_threads

    device, usable = resolve_device("auto"), allowed_cores()
    where = hardware(str(device), usable, versions()["torch"] or "unknown")
    print(json.dumps({"hardware": where, "cuda": device.type == "cuda", "cores": usable, "threads": set_threads(None)}))


if __name__ == "__main__":
    main()
