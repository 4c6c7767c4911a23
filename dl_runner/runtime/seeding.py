"""Randomness under one seed, and its state for a checkpoint."""

import random
from typing import Any

import numpy as np
import torch


def seed_everything(seed: int, rank: int = 0) -> None:
    """Seed Python's, NumPy's and torch's global generators.

    Args:
        seed: >= 0, of any size.
        rank: of a process that shall draw other numbers than those before it, >= 0.
    """
    if rank:
        seed = int(np.random.SeedSequence(seed, spawn_key=(rank,)).generate_state(2, np.uint64)[0])
    random.seed(seed)
    np.random.seed(np.random.SeedSequence(seed).generate_state(1)[0])
    torch.manual_seed(seed % 2**63)


def rng_state() -> dict[str, Any]:
    """The state of the global generators: torch's, which dropout and initializers draw from, and those of Python and
    NumPy, which a plugin may use; tensors and plain containers only."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else []
    version, words, gauss = random.getstate()
    name, keys, *rest = np.random.get_state()
    return {
        "cpu": torch.get_rng_state(),
        "cuda": cuda,
        "python": [version, list(words), gauss],
        "numpy": [name, keys.tolist(), *rest],
    }


def set_rng_state(state: dict[str, Any]) -> None:
    """Inverse of `rng_state`. The state of CUDA devices that are not here is left out: the run moved."""
    torch.set_rng_state(state["cpu"])
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    np.random.set_state(tuple(state["numpy"]))
    for index, device_state in enumerate(state["cuda"]):
        if torch.cuda.is_available() and index < torch.cuda.device_count():
            torch.cuda.set_rng_state(device_state, index)
