"""How many processor cores this process may use. Imports no torch."""

import os
from pathlib import Path


def allowed_cores(root: Path = Path("/")) -> int:
    """The cores that affinity and the control group's quota allow, at least 1.

    Args:
        root: of the file system that holds proc/ and sys/.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([count, *_quotas(root)]))


def _quotas(root: Path) -> list[int]:
    """What cpu.max of this process's control groups (version 2) grants, in whole cores."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    group = next((line.removeprefix("0::").strip("/") for line in lines if line.startswith("0::")), "")
    top = root / "sys/fs/cgroup"
    found = []
    for folder in (top / group, *(top / group).parents):
        if folder != top and top not in folder.parents:
            break
        try:
            quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        except (OSError, ValueError):
            continue
        if quota != "max":
            found.append(max(1, round(int(quota) / int(period))))
    return found
