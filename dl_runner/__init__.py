"""Deep-learning experiments from one command line. Importing this imports no torch."""

from dl_runner.registry import register
from dl_runner.spec import DataSpec

__all__ = ["DataSpec", "__version__", "register"]
__version__ = "0.2.0"
