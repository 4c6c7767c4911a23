"""Standard output and error that take any text, whatever characters they have. Imports no torch."""

import codecs
import os
import sys

# What is written instead of a character that a stream lacks; of any other one, its number, as in \u56f3, and of a byte
# of a name that is no UTF-8, that byte.
NEAREST = {
    **{"×": "x", "·": "*", "−": "-", "–": "-", "—": "-", "±": "+-", "→": "->", "←": "<-", "≤": "<=", "≥": ">="},
    **{"…": "...", "’": "'", "‘": "'", "“": '"', "”": '"', "²": "^2", "½": "1/2", "‖": "|", "∞": "inf", "√": "sqrt"},
    **{"λ": "lambda", "η": "eta", "β": "beta", "ε": "eps", "μ": "mu", "σ": "sigma", "Σ": "sum ", "∂": "d"},
    **{"┤": "|", "└": "+", "─": "-", **dict.fromkeys("▁▂▃▄", "."), **dict.fromkeys("▅▆▇█", "#")},
}
HANDLER = "dl_runner.nearest"


def nearest(error: UnicodeError) -> tuple[str, int]:
    """A handler of `codecs`: the nearest ASCII text for what an encoding lacks, names that are no UTF-8 included."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(NEAREST.get(one) or _escaped(one) for one in lacking), error.end


def _escaped(character: str) -> str:
    byte = ord(character) - 0xDC00  # as Python has it for a byte that it cannot decode
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else character.encode("ascii", "backslashreplace").decode()


codecs.register_error(HANDLER, nearest)


def take_any_text() -> None:
    """Let standard output and error write what they can of any text instead of failing; closed ones swallow it."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            silent = open(os.devnull, "w", encoding="utf-8", errors=HANDLER)  # noqa: SIM115, PTH123 - to the very end
            setattr(sys, name, silent)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=HANDLER)
