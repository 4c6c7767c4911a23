"""log.txt: what the console said, with the time, and every warning. Imports no torch."""

import contextlib
import logging
import re
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from dl_runner.errors import WriteFailed
from dl_runner.runtime.files import append, writing

LOGGERS = ("dl_runner", "py.warnings")


class LogFile(logging.Handler):
    """A text file of time-stamped lines that also takes the package's log and Python's warnings until closed.

    Args:
        path: appended to.
        show: is given the text of each record and whether it is a warning, for the terminal.
    """

    def __init__(self, path: Path, show: Callable[[str, bool], None]) -> None:
        super().__init__(logging.INFO)
        self._path = path
        with writing(path):
            self._file = path.open("ab", buffering=0)
        self._failed = False
        self._show = show
        before = warnings.showwarning
        logging.captureWarnings(True)
        self._capturing = warnings.showwarning is not before  # else somebody else's capture, which must stay
        self._package_level = logging.getLogger(LOGGERS[0]).level
        if self._package_level == logging.NOTSET:
            logging.getLogger(LOGGERS[0]).setLevel(logging.INFO)
        for name in LOGGERS:
            logging.getLogger(name).addHandler(self)

    def write(self, text: str) -> None:
        """Appends lines, each with the time, at once.

        Raises:
            WriteFailed: the first time that it is not possible; from then on, what is left to say is said elsewhere.
        """
        if self._failed:
            return
        stamp = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        lines = "".join(f"{stamp}  {line}".rstrip() + "\n" for line in text.split("\n"))
        self._failed = True
        with writing(self._path):
            append(self._file.fileno(), lines.encode(errors="backslashreplace"))
        self._failed = False

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().strip()
        if record.name == "py.warnings":
            text = re.sub(r"\n  [^\n]*$", "", text)  # the line of code that warned
        elif record.levelno >= logging.WARNING:
            text = f"{record.levelname.lower()}: {text}"
        with contextlib.suppress(WriteFailed):  # a full disk: what is being told matters more than its copy in the log
            self.write(text)
        self._show(text, record.levelno >= logging.WARNING)

    def close(self) -> None:
        """Leaves logging and warnings as they were before."""
        for name in LOGGERS:
            logging.getLogger(name).removeHandler(self)
        logging.getLogger(LOGGERS[0]).setLevel(self._package_level)
        if self._capturing:
            logging.captureWarnings(False)
        self._file.close()
        super().close()
