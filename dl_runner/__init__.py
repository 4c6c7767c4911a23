"""Deep-learning experiments from one command line, or from Python. Importing this imports no torch.

run = dl_runner.run("model=lenet", "data=digits")
run.results, run.model, run.predict("a.png"), run.evaluate("validation")
dl_runner.multirun("model=lenet,mlp", "seed=1,2")
dl_runner.Run("outputs/digits/lenet/TIME"), dl_runner.runs("outputs")
"""

import importlib
from typing import TYPE_CHECKING, Any

from dl_runner.errors import Interrupted, RunFailed, UserError
from dl_runner.registry import register
from dl_runner.spec import DataSpec

if TYPE_CHECKING:
    from dl_runner.api.run import Run
    from dl_runner.api.runs import runs
    from dl_runner.api.start import multirun, run

__all__ = [
    "DataSpec",
    "Interrupted",
    "Run",
    "RunFailed",
    "UserError",
    "__version__",
    "multirun",
    "register",
    "run",
    "runs",
]
__version__ = "0.2.0"
_LATER = {
    "Run": "run",
    "run": "start",
    "runs": "runs",
    "multirun": "start",
}  # module of dl_runner.api; they import torch


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"dl_runner.api.{_LATER[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
