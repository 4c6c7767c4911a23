"""Two processes that stay, and run functions as one group: starting Python and torch for each test takes seconds."""

import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from typing import Any

from helpers import HANGS


class Pair:
    """Two processes; `run` gives both the same work, with an environment as torchrun's."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        pipes = [context.Pipe() for _ in range(2)]
        self.ends = [ours for ours, _ in pipes]
        self.processes = [
            context.Process(target=_serve, args=(rank, end), daemon=True) for rank, (_, end) in enumerate(pipes)
        ]
        for process in self.processes:
            process.start()

    def run(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """What the function returns in both processes; the first one's exception is raised, with both tracebacks."""
        port = _free_port()
        for end in self.ends:
            end.send((port, function, arguments))
        results = [end.recv() if end.poll(HANGS) else (False, "no answer") for end in self.ends]
        if not all(well for well, _ in results):
            raise RuntimeError("\n".join(str(result) for well, result in results if not well))
        return [result for _, result in results]

    def close(self) -> None:
        for process in self.processes:
            process.kill()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _serve(rank: int, end: Any) -> None:
    import torch

    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"}
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    while True:
        port, function, arguments = end.recv()
        os.environ["MASTER_PORT"] = str(port)
        try:
            end.send((True, function(*arguments)))
        except BaseException:
            end.send((False, traceback.format_exc()))
