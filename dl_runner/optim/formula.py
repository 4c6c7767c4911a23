"""An arithmetic expression from a config, evaluated without running anything else. Imports no torch.

Everything is checked when it is read, branches that are never taken included; then it is Python's own byte code.
"""

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass, field

NAMES = ("step", "steps", "epoch", "epochs")
_CONSTANTS = {"pi": math.pi, "e": math.e}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    **{name: getattr(math, name) for name in ("exp", "log", "sqrt", "sin", "cos")},
    **{"abs": abs, "min": min, "max": max},
}
_NODES = (
    *(ast.Expression, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.Pow, ast.FloorDiv),
    *(ast.UnaryOp, ast.UAdd, ast.USub, ast.IfExp, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Load),
)


class _Floats(ast.NodeTransformer):
    """Whole numbers as floats, so that 9**9**9 overflows at once instead of filling the memory. For the same reason
    no function gives a whole number, and a comparison may only choose between two values."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.copy_location(ast.Constant(float(node.value)), node)


@dataclass(frozen=True)
class Formula:
    """A number as a function of step, steps, epoch and epochs.

    Besides numbers and these names it may hold + - * / // % **, `A if B < C else D`, pi, e, and the functions
    abs, min, max, exp, log, sqrt, sin and cos.
    """

    text: str
    _code: object = field(repr=False, compare=False)

    expects = f"an arithmetic expression of {', '.join(NAMES)}, such as '0.95 ** epoch'"

    @classmethod
    def parse(cls, text: object) -> "Formula":
        """Read an expression.

        Raises:
            ValueError: no such expression, or one that uses anything else.
        """
        if isinstance(text, int | float) and not isinstance(text, bool):
            text = str(text)  # YAML has read it as a number
        if not isinstance(text, str) or len(text) > 1000:
            raise ValueError(f"{text!r} is not {cls.expects}")
        try:
            tree = ast.parse(text.strip(), mode="eval")
            roles = _roles(tree)
            if all(_allowed(node, roles.get(id(node))) for node in ast.walk(tree)):
                return cls(text, compile(ast.fix_missing_locations(_Floats().visit(tree)), "<formula>", "eval"))
        except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError):
            pass
        raise ValueError(f"{text!r} is not {cls.expects}")

    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """The value at a step.

        Raises:
            ValueError: it has none there, or no finite one.
        """
        known = {"step": float(step), "steps": float(steps)}
        known |= {"epoch": step / steps_per_epoch, "epochs": steps / steps_per_epoch}
        try:
            # Only the node kinds of _NODES are in the code, and no names but these.
            value = eval(self._code, {"__builtins__": {}, **_CONSTANTS, **_FUNCTIONS}, known)
        except (ArithmeticError, ValueError, TypeError):
            value = math.nan
        if isinstance(value, complex) or not math.isfinite(value):
            raise ValueError(f"{self.text!r} has no finite value at step {step}")
        return float(value)


def _roles(tree: ast.AST) -> dict[int, str]:
    """What a node is to its parent, where it matters: the function of a call, the test of a choice."""
    called = {id(node.func): "function" for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return called | {id(node.test): "test" for node in ast.walk(tree) if isinstance(node, ast.IfExp)}


def _allowed(node: ast.AST, role: str | None) -> bool:
    if isinstance(node, ast.Name):
        return node.id in (_FUNCTIONS if role == "function" else {*NAMES, *_CONSTANTS})
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and not node.keywords
    if isinstance(node, ast.Compare):
        return role == "test"
    return isinstance(node, _NODES)
