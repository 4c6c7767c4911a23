"""What a run changes in its process, put back afterwards: a notebook goes on as if nothing had run in it."""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from hydra.core.singleton import Singleton

from dl_runner.runtime.seeding import rng_state, set_rng_state


@contextmanager
def kept(arguments: Sequence[str] = ()) -> Iterator[None]:
    """Within it a run may seed the generators, choose threads and precision, and look for plugins; all of it is as
    before at the end. So are Hydra's own state, for those who use Hydra themselves, and the environment.

    Args:
        arguments: the command line that does what is done within; run.json records it.
    """
    before = sys.argv, list(sys.path), dict(os.environ), Singleton.get_state()
    threads, random = torch.get_num_threads(), rng_state()
    tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    sys.argv = ["dlrun", *arguments]
    try:
        with warnings.catch_warnings():
            yield
    finally:
        sys.argv, sys.path[:], environment, singletons = before
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        os.environ.update(environment)
        Singleton.set_state(singletons)
        torch.set_num_threads(threads)
        set_rng_state(random)
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32
