"""How the threads of a step wait for each other. Imports no torch."""

import os
from collections.abc import MutableMapping

# Turns of GNU OpenMP's waiting loop, the OpenMP of torch's Linux wheels, before a thread sleeps until it is woken.
SPINS = 5000


def set_wait_policy(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let a thread that waits for another soon give its core away; what the user has set stays.

    The library's own 300,000 turns are some milliseconds, spent at each of a step's many meeting points. Beside another
    busy program they are spent on the core that the awaited thread needs. docs/speed.md has the times.

    To be called before torch is imported, as the library reads its environment once. Later processes inherit it.
    """
    if "OMP_WAIT_POLICY" not in environment:
        environment.setdefault("GOMP_SPINCOUNT", str(SPINS))
