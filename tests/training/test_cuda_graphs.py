"""Steps whose passes are replayed: by a stand-in for the graph on a processor, and by the real one on a GPU."""

import pytest
import torch
from helpers import EXACT, rows, run, unchecked
from torch import nn

from dl_runner.build.experiment import build_experiment
from dl_runner.build.training import build_training
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import CONFIG, load_config, load_run, to_plain, to_yaml
from dl_runner.data.batch import Batch
from dl_runner.errors import RunFailed, UserError
from dl_runner.running.inference import evaluate_run
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.training import cuda_graph
from dl_runner.training.cuda_graph import WARM_UP, CudaGraphStep
from dl_runner.training.loop import train

# 1,294 training digits: four batches of 300 in an epoch, and one of 94.
LENGTH = ("data.batch_size=300", "trainer.steps=14")
MODELS = ["model=bn_lenet", "model=lenet regularization.dropout=0.3"]  # buffers, random numbers


class Graph:
    """Does what a CUDA graph does: its capture leaves no trace, and a replay writes where the captured passes wrote."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.captured, self.replayed = model, 0, 0

    def capture(self, passes, device):
        self.captured += 1
        buffers = [buffer.clone() for buffer in self.model.buffers()]
        with torch.random.fork_rng(devices=[]):
            outputs = passes()
        for buffer, before in zip(self.model.buffers(), buffers, strict=True):
            buffer.copy_(before)
        gradients = self._gradients()

        def replay() -> None:
            self.replayed += 1
            self.model.zero_grad()
            again = passes()
            for name, value in again.items():
                outputs[name].copy_(value)
            for place, gradient in zip(gradients, self._gradients(), strict=True):
                place.copy_(gradient)
            self.model.zero_grad()  # Python is not told of what a graph writes

        return replay, outputs

    def _gradients(self):
        return [parameter.grad for parameter in self.model.parameters()]


@pytest.fixture
def stand_in(monkeypatch):
    """Has the passes captured by a `Graph`."""

    def use(model: nn.Module) -> Graph:
        graph = Graph(model)
        monkeypatch.setattr(cuda_graph, "capture", graph.capture)
        monkeypatch.setattr(cuda_graph, "aside", lambda passes, device: passes())
        return graph

    return use


def training(*overrides):
    return build_training(build_experiment(check_config(to_plain(compose([*EXACT, *overrides])))))


@pytest.mark.parametrize("model", MODELS)
def test_replayed_steps_lead_to_the_same_weights(model, stand_in):
    plain, replayed = (training(*LENGTH, *model.split()) for _ in range(2))
    torch.manual_seed(0)
    train(plain, StopRequest())
    torch.manual_seed(0)
    graph = stand_in(replayed.model)
    replayed.update.cuda_graph = CudaGraphStep(replayed.model)
    train(replayed, StopRequest())
    small = 14 // replayed.horizon.steps_per_epoch  # of the shape that is not captured
    assert (graph.captured, graph.replayed) == (1, 14 - small - WARM_UP)
    assert plain.metrics.keys() == replayed.metrics.keys()
    assert plain.metrics["validation/loss"] == replayed.metrics["validation/loss"]
    others = replayed.model.state_dict()
    assert all(value.equal(others[name]) for name, value in plain.model.state_dict().items())


def batch():
    return Batch.of(torch.randn(4, 3), torch.zeros(4))


def summing(model):
    def forward_backward(batch):
        model.zero_grad()
        loss = model(batch.inputs).sum()
        loss.backward()
        return {"loss": loss.detach()}

    return forward_backward


def refusal(passes, model) -> str:
    step = CudaGraphStep(model)
    for _ in range(WARM_UP):
        step(passes, batch())
    with pytest.raises(RunFailed, match=r"^device.cuda_graphs=on: .*; use device.cuda_graphs=off$") as caught:
        step(passes, batch())
    return str(caught.value)


def test_a_buffer_that_is_replaced_is_refused(stand_in):
    model = nn.Linear(3, 2)
    model.register_buffer("seen", torch.zeros(()))

    def replaces(batch):
        model.seen = model.seen + 1
        return {"loss": model(batch.inputs).sum()}

    stand_in(model)
    assert "replaces a buffer" in refusal(replaces, model)


def test_passes_that_wait_for_the_gpu_are_refused_with_the_reason(stand_in, monkeypatch):
    stand_in(model := nn.Linear(3, 2))

    def capture(passes, device):
        try:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")
        finally:  # as torch does when it leaves a capture that has failed
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    monkeypatch.setattr(cuda_graph, "capture", capture)
    assert "(CUDA error: operation not permitted when stream is capturing)" in refusal(summing(model), model)


def test_outputs_are_the_callers_own(stand_in):
    stand_in(model := nn.Linear(3, 2))
    step, passes = CudaGraphStep(model), summing(model)
    first, second = batch(), batch()
    for _ in range(WARM_UP):
        step(passes, first)
    losses = [step(passes, one)["loss"] for one in (first, second)]
    assert losses[0] == model(first.inputs).sum() and losses[1] == model(second.inputs).sum()


def test_a_run_is_evaluated_and_goes_on_elsewhere_without_graphs(tmp_path):
    folder = run(tmp_path, "model=softmax", "trainer.steps=2").record.folder
    plain = load_config(folder / CONFIG)
    plain["device"]["cuda_graphs"] = "on"
    (folder / CONFIG).write_text(to_yaml(plain))
    unchecked(folder)
    assert "test/loss" in evaluate_run(folder, "test", "last")[1]
    assert load_run(folder).device.cuda_graphs == "on"
    assert load_run(folder, "cpu").device.cuda_graphs == "off"
    assert load_run(folder, parallel={"name": "ddp", "devices": 2}).device.cuda_graphs == "off"
    with pytest.raises(UserError, match=r"device.cuda_graphs=on: is for NVIDIA GPUs"):
        build_experiment(load_run(folder))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("more", [(), ("optimizer=adam",), ("device.precision=bf16", "trainer.clip_norm=1")])
def test_a_gpu_replays_to_the_same_losses(model, more, tmp_path):
    losses = {}
    for graphs in ("off", "on"):
        options = ("device=cuda", "device.precision=fp32", f"device.cuda_graphs={graphs}", "trainer.log_every=1 steps")
        # Backward passes on a GPU round differently from run to run; small steps do not let the difference grow.
        options = (*options, "optimizer.lr=0.001")
        result = run(tmp_path / graphs, "tracker.console=none", *LENGTH, *model.split(), *options, *more, quiet=False)
        assert result.record["cuda_graphs"] == graphs
        losses[graphs] = [row["train/loss"] for row in rows(result.record.folder) if "train/loss" in row]
    assert losses["on"] == pytest.approx(losses["off"], rel=1e-4)
