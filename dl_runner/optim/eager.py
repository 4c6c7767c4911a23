"""torch's optimizers without their way through torch's compiler.

torch.optim wraps step, zero_grad and others so that torch.compile treats them well; the first call of any wrapper
imports the compiler, which takes longer than many a run. No run compiles an optimizer's step, so none has to wait.
"""

import inspect
from functools import cache

import torch
from torch.optim import Optimizer

_WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


@cache
def eager(kind: type[Optimizer]) -> type[Optimizer]:
    """A subclass of the optimizer that computes the same with the functions inside the wrappers; hooks still work."""
    inside = {name: inspect.unwrap(getattr(kind, name)) for name in _WRAPPED}
    inside["step"] = torch.no_grad()(inspect.unwrap(kind.step))
    return type(kind.__name__, (kind,), {"__doc__": kind.__doc__, **inside})
