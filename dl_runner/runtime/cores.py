"""How many processor cores this process may use, and how many of them others leave free. Imports no torch."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_SHORTEST = 0.25  # seconds; the kernel counts in hundredths


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
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    group = next((line.removeprefix("0::").strip("/") for line in lines if line.startswith("0::")), "")
    top = root / "sys/fs/cgroup"
    found = []
    for folder in (top / group, *(top / group).parents):
        if folder != top and top not in folder.parents:
            break
        try:
            quota, period = (folder / "cpu.max").read_text().split()
        except (OSError, ValueError):
            continue
        if quota != "max":
            found.append(max(1, round(int(quota) / int(period))))
    return found


@dataclass(frozen=True)
class _Moment:
    clock: float  # seconds
    busy: float  # core seconds that the allowed cores have spent on anybody's work
    own: float  # core seconds that this process and its children have spent


class Load:
    """What others take of the cores, between the moment this was made (or asked last) and now.

    Args:
        root: of the file system that holds proc/.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._before = self._now()

    def free_cores(self) -> int:
        """The allowed cores less what others have used since the last question, at least 1; all of them where the
        kernel does not tell. A question that comes too soon waits a quarter of a second for its answer."""
        allowed = allowed_cores(self._root)
        if self._before is None or allowed == 1:
            return allowed
        time.sleep(max(0.0, _SHORTEST - (time.monotonic() - self._before.clock)))
        before, now = self._before, self._now()
        self._before = now
        others = ((now.busy - before.busy) - (now.own - before.own)) / (now.clock - before.clock)
        return min(allowed, max(1, round(allowed - others)))

    def _now(self) -> _Moment | None:
        try:
            lines = (self._root / "proc/stat").read_text().splitlines()
            mine = os.sched_getaffinity(0)
            tick = os.sysconf("SC_CLK_TCK")
        except (OSError, AttributeError):
            return None
        busy = 0
        for name, *times in (line.split() for line in lines if line.startswith("cpu")):
            if name[3:].isdigit() and int(name[3:]) in mine:
                user, nice, system, _idle, _waiting, irq, softirq, stolen = map(int, times[:8])
                busy += user + nice + system + irq + softirq + stolen
        used = os.times()
        return _Moment(time.monotonic(), busy / tick, sum(used[:4]))


# Made when the program starts, so that the first answer covers the seconds that its imports take.
LOAD = Load()
