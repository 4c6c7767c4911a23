"""Optimizers without torch's compiler: the same numbers, the same hooks, no import of it."""

import subprocess
import sys

import pytest
import torch

from dl_runner.optim.eager import eager

KINDS = [torch.optim.SGD, torch.optim.Adam, torch.optim.Adagrad, torch.optim.Rprop, torch.optim.Adafactor]


def steps(kind, start, count=4, **settings):
    weight = start.clone().requires_grad_()
    optimizer = kind([weight], **settings)
    for step in range(count):
        (weight * torch.arange(6.0) - step).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return weight.detach(), optimizer


@pytest.mark.parametrize("kind", KINDS)
def test_computes_what_the_class_itself_computes(kind):
    start = torch.linspace(-1, 1, 6)
    ours, optimizer = steps(eager(kind), start, lr=0.01)
    theirs, reference = steps(kind, start, lr=0.01)
    assert torch.equal(ours, theirs)
    assert isinstance(optimizer, kind)
    restored = eager(kind)([torch.zeros(6)], lr=1.0)
    restored.load_state_dict(reference.state_dict())
    assert str(restored.state_dict()) == str(optimizer.state_dict()) == str(reference.state_dict())


def test_hooks_run_and_gradients_are_back_on_afterwards():
    calls, weight = [], torch.ones(2, requires_grad=True)
    optimizer = eager(torch.optim.SGD)([weight], lr=0.1)
    optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    weight.sum().backward()
    optimizer.step()
    assert calls == ["before", "after"]
    assert torch.is_grad_enabled()


def test_no_run_imports_torchs_compiler(tmp_path):
    line = f"""
import sys
from dl_runner.cli.app import run
options = ["data.limit=64", "trainer.steps=2", "device=cpu", "device.threads=1", "trainer.clip_norm=1"]
options += ["tracker.tensorboard=false", "outputs={tmp_path}"]
for optimizer in ("sgd", "momentum", "adam", "adamw", "rmsprop", "adam_scratch"):
    assert run([f"optimizer={{optimizer}}", *options]) == 0
    assert "torch._dynamo" not in sys.modules, optimizer
"""
    assert subprocess.run([sys.executable, "-c", line], stdout=subprocess.DEVNULL).returncode == 0
