"""Groups of parameters that learn at rates of their own, later, or not at all."""

import pytest
import torch
from helpers import rows, run
from safetensors.torch import load_file
from specs import labelled

from dl_runner.build.experiment import build_experiment
from dl_runner.build.training import build_training
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.groups import GroupConfig
from dl_runner.config.stored import to_plain
from dl_runner.errors import Interrupted, UserError
from dl_runner.optim.parameter_groups import matched, parameter_groups
from dl_runner.registry import builder
from dl_runner.running.launch import resume
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.spec import DataSpec, Tokens
from dl_runner.training.loop import train

COMMON = ("model=bn_lenet", "data.limit=128", "data.batch_size=32", "trainer.epochs=4", "device.threads=1")
# bn_lenet: 0 conv, 1 norm, 4 conv, 5 norm, 9 linear, 10 norm, …
STEM, NORM, REST = "{match:'0.*',lr:0}", "{match:'1.*',lr:0}", "{match:'4.*',lr:10}"
OPTIMIZERS = [
    ("optimizer=momentum", "regularization.weight_decay=0.1"),
    ("optimizer=adam", "regularization.decoupled=0.1"),
    ("optimizer=sgd", "regularization.max_norm=0.01"),
    ("optimizer=sgd", "regularization.l2=0.1"),
]


def make(*overrides):
    checked = check_config(
        to_plain(compose(["tracker.console=none", "device=cpu", "device.precision=fp32", *overrides]))
    )
    return build_training(build_experiment(checked))


def snapshot(training):
    return {name: value.clone() for name, value in training.model.state_dict().items()}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_is_frozen_stays_bit_identical_buffers_too(optimizer):
    training = make(*COMMON, *optimizer, f"groups=[{STEM},{NORM}]")
    before = snapshot(training)
    train(training, StopRequest())
    after = snapshot(training)
    frozen = [name for name in before if name.startswith(("0.", "1."))]
    assert any("running_mean" in name for name in frozen)
    assert all(before[name].equal(after[name]) for name in frozen)
    assert not any(before[name].equal(after[name]) for name in before if name.endswith("weight") and name not in frozen)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_group_that_learns_later_stays_until_then_and_moves_after(optimizer):
    # 115 examples are left after the validation part: 4 steps an epoch.
    late = "{match:'[04].*',from:2 epochs},{match:'1.*',from:2 epochs}"
    first = make(*COMMON, *optimizer, f"groups=[{late}]", "trainer.epochs=2")
    before = snapshot(first)
    train(first, StopRequest())
    through = make(*COMMON, *optimizer, f"groups=[{late}]")
    train(through, StopRequest())
    for name in (name for name in before if name.startswith(("0.", "1.", "4."))):
        assert before[name].equal(first.model.state_dict()[name]), name
        if "tracked" not in name:
            assert not before[name].equal(through.model.state_dict()[name]), name


def test_rates_are_multiples_of_the_optimizers():
    training = make(*COMMON, f"groups=[{REST},{STEM}]", "optimizer.lr=0.01", "schedule=step", "schedule.every=1 epoch")
    rates = sorted(group["lr"] for group in training.update.optimizer.param_groups)
    assert rates == pytest.approx([0.01, 0.1])
    train(training, StopRequest())
    assert sorted(group["lr"] for group in training.update.optimizer.param_groups) == pytest.approx([1e-5, 1e-4])


def test_each_parameter_is_in_the_first_group_that_matches():
    model = builder("model", "bn_lenet")(labelled((1, 28, 28), 10))
    groups = [GroupConfig("0.weight", 2.0), GroupConfig("0.*", 3.0), GroupConfig("*", 4.0)]
    found = matched(model, groups)
    assert found[0] == [model[0].weight] and found[1] == [model[0].bias]
    assert sum(map(len, found)) == len(list(model.parameters()))
    made = parameter_groups(model, 0.0, 0.1, groups)
    assert [group["lr"] for group in made] == pytest.approx([0.2, 0.3, 0.4])
    with pytest.raises(UserError, match=r"groups: match=head.\* has no parameter"):
        matched(model, [GroupConfig("head.*")])
    with pytest.raises(UserError, match="of its own"):
        matched(model, [GroupConfig("*"), GroupConfig("0.*")])


@pytest.mark.parametrize(
    "group",
    [
        "{lr:1}",
        "{match:'',lr:1}",
        "{match:a,lr:-1}",
        "{match:a,from:2}",
        "{match:a,lr:0,from:1 epoch}",
        "{match:a,rate:1}",
        "3",
    ],
)
def test_what_is_no_group_is_refused_by_one_line(group):
    with pytest.raises(UserError, match="groups=") as caught:
        make(f"groups=[{group}]")
    assert "\n" not in str(caught.value)


def test_a_run_goes_on_exactly_in_the_middle_of_unfreezing(tmp_path):
    options = (*COMMON, "optimizer=momentum", "groups=[{match:'0.*',from:6 steps},{match:'1.*',from:1 epoch}]")
    options = (*options, "trainer.log_every=1 step")
    through = run(tmp_path / "through", *options).record.folder

    def stop_after(reports):
        left = [reports]

        def watch(model):
            left[0] -= 1
            if left[0] == 0:
                raise Interrupted("stopped", 2)
            return {}

        return watch

    from dl_runner.running.launch import launch

    for reports in (5, 7):
        checked = check_config(
            to_plain(
                compose(
                    [
                        "tracker.console=none",
                        "tracker.tensorboard=false",
                        "device=cpu",
                        "device.precision=fp32",
                        "device.memory_format=contiguous",
                        "trainer.checkpoint_every=1 step",
                        *options,
                    ]
                )
            )
        )
        folder = tmp_path / f"stopped{reports}" / "run"
        with pytest.raises(Interrupted):
            launch(checked, folder.parent, "run", watch=stop_after(reports))
        resume(folder)
        expected = load_file(through / "checkpoints" / "last.safetensors")
        found = load_file(folder / "checkpoints" / "last.safetensors")
        assert all(value.equal(found[name]) for name, value in expected.items())
        assert [row.get("train/loss") for row in rows(folder)] == [row.get("train/loss") for row in rows(through)]


def test_frozen_weights_get_no_gradients():
    training = make(*COMMON, f"groups=[{STEM}]")
    assert not training.model[0].weight.requires_grad and training.model[4].weight.requires_grad
    assert not any(
        training.model[0].weight is one for group in training.update.optimizer.param_groups for one in group["params"]
    )
    assert torch.is_tensor(training.model[0].weight)


def test_a_group_takes_the_optimizers_own_rate_where_the_config_names_none():
    training = make("model=softmax", "~optimizer.lr", "groups=[{match:'*.weight',lr:10}]")
    assert sorted(group["lr"] for group in training.update.optimizer.param_groups) == pytest.approx([0.1, 1.0])


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["groups=[{match:'*',lr:0}]"], "leave no parameter of the model to learn"),
        (["optimizer=rprop", "groups=[{match:'0.*',lr:2}]"], "rprop keeps step sizes of its own"),
        (["device.cuda_graphs=on", "groups=[{match:'0.*',from:1 epoch}]"], "groups with from change it"),
        (["optimizer=adafactor", "parallel=fsdp", "parallel.devices=2"], "needs whole weights"),
    ],
)
def test_what_groups_cannot_do_is_one_line(overrides, told):
    with pytest.raises(UserError, match=told):
        make("model=bn_lenet", *overrides)


def test_a_shared_parameter_is_matched_by_any_of_its_names():
    model = builder("model", "recurrent")(
        DataSpec(Tokens(9, 5), Tokens(9, 5), "language_model"), cell="gru", hidden=4, embedding=4, tied=True
    )
    (found,) = matched(model, [GroupConfig("head.*", 0.0)])
    assert {id(one) for one in found} == {id(model.head.weight), id(model.head.bias)}
