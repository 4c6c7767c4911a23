"""A student's loss against a direct computation; its teacher stays as it is, and only learning needs it."""

import shutil

import pytest
import torch
from helpers import QUIET, double, rows, run
from specs import labelled
from torch import nn

from dl_runner.build.experiment import build_experiment
from dl_runner.build.training import build_training
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.pinned import pinned, weights_digest
from dl_runner.config.stored import to_plain
from dl_runner.data.batch import Batch
from dl_runner.errors import Interrupted, UserError
from dl_runner.running.inference import evaluate_run, predict
from dl_runner.running.launch import launch, resume
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.spec import Classes, Columns, DataSpec, Image, Numbers, Vector
from dl_runner.sweep.identity import identity
from dl_runner.tasks.distillation import Distillation, distillation
from dl_runner.tasks.losses import cross_entropy
from dl_runner.tasks.teacher import Teacher
from dl_runner.training.loop import train

SHORT = ("trainer.steps=4", "trainer.epochs=null", "data.limit=64", "data.batch_size=32")
SPEC = DataSpec(Vector(5), Classes(("a", "b", "c")), "classification")


def linear(seed, inputs=5, outputs=3):
    torch.manual_seed(seed)
    return nn.Linear(inputs, outputs).double()


def batch(n=7):
    torch.manual_seed(9)
    return Batch.of(torch.randn(n, 5).double(), torch.randint(3, (n,)))


def task(teacher, **options):
    return Distillation(SPEC, cross_entropy(SPEC), Teacher("t", teacher, SPEC), **options)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_loss_and_its_gradient_equal_a_direct_computation(temperature, weight):
    teacher, student, given = linear(0), linear(1), batch()
    loss, sums = task(teacher, temperature=temperature, weight=weight).step(student, given)
    gradient = torch.autograd.grad(loss, student.weight)[0]
    z, v = student(given.inputs), teacher(given.inputs).detach()
    p, q = (torch.exp(one / temperature) / torch.exp(one / temperature).sum(1, keepdim=True) for one in (v, z))
    divergence = (p * (p.log() - q.log())).sum(1).mean()
    labels = -(torch.exp(z) / torch.exp(z).sum(1, keepdim=True)).log()[range(7), given.targets].mean()
    expected = (1 - weight) * labels + weight * temperature**2 * divergence
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, student.weight)[0])
    torch.testing.assert_close(sums["loss"] / 7, labels.detach())  # what is reported compares with other runs
    torch.testing.assert_close(sums["divergence"] / 7, divergence.detach())


def test_at_a_high_temperature_the_gradient_is_that_of_matching_logits():
    """Hinton et al., equation 4: (z − v) / (N T²) for logits of mean 0, so T² times it does not vanish."""
    teacher, student, given = linear(0), linear(1), batch()
    z = student(given.inputs).detach()
    z = (z - z.mean(1, keepdim=True)).requires_grad_()
    v = teacher(given.inputs).detach()
    v = v - v.mean(1, keepdim=True)
    divergence = 1e4**2 * task(teacher, temperature=1e4)._divergence(z, v)
    torch.testing.assert_close(torch.autograd.grad(divergence, z)[0], (z - v).detach() / 3 / 7, rtol=1e-3, atol=1e-6)


def test_parts_of_a_batch_add_up_to_the_whole():
    teacher, student, whole = linear(0), linear(1), batch()
    made = task(teacher)
    loss = made.step(student, whole)[0]
    torch.testing.assert_close(sum(made.step(student, part)[0] for part in whole.parts(3)), loss)


def test_a_teacher_with_another_normalization_reads_the_same_pixels():
    own, others = Image(1, 4, 4, (0.1,), (0.5,)), Image(1, 4, 4, (0.7,), (0.2,))
    model, pixels = nn.Sequential(nn.Flatten(), linear(0, 16)), torch.rand(3, 1, 4, 4).double()
    kinds = SPEC.targets, "classification"
    teacher = Teacher("t", model, DataSpec(own, *kinds))
    found = teacher((pixels - 0.7) / 0.2, DataSpec(others, *kinds))
    torch.testing.assert_close(found, model((pixels - 0.1) / 0.5))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (labelled((1, 8, 8), 3), "task.teacher=t: reads vector of 5, and these data are image of 1×8×8"),
        (DataSpec(Vector(6), SPEC.targets, "classification"), "reads vector of 5, and these data are vector of 6"),
        (
            DataSpec(Columns(("x", "y"), ("town",), (3,)), SPEC.targets, "classification"),
            r"are rows of 2 numbers and 1 categories \(x, y, town\); teacher and student need the same data$",
        ),
        (DataSpec(Vector(5), Classes(("a", "c", "b")), "classification"), "3 classes .a, b, c, ….* have 3 .a, c, b"),
        (DataSpec(Vector(5), Numbers(3), "regression"), "learns from classes"),
    ],
)
def test_a_teacher_of_other_data_is_refused(data, told):
    with pytest.raises(UserError, match=told):
        distillation(data, None, lambda folder, weights: Teacher("t", linear(0), SPEC), teacher="t")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A trained run with batch normalization and dropout, neither of which may be at work in a teacher."""
    options = (*SHORT, "model=bn_lenet", "seed=3")
    return run(tmp_path_factory.mktemp("teacher"), *options).record.folder


def config(teacher, *overrides):
    options = [*QUIET, *SHORT, "model=softmax", "task=distillation", f"task.teacher={teacher}", *overrides]
    return check_config(to_plain(compose(options)))


def test_the_teacher_stays_as_it_is_and_out_of_the_students_parameters(teacher):
    training = build_training(build_experiment(config(teacher)))
    model = training.task.teacher.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    train(training, StopRequest())
    assert any("running_mean" in name for name in before)
    assert all(value.equal(model.state_dict()[name]) for name, value in before.items())
    assert not model.training and not any(one.requires_grad for one in model.parameters())
    learning = {id(one) for group in training.update.optimizer.param_groups for one in group["params"]}
    assert learning == {id(one) for one in training.model.parameters()}


def test_a_teacher_does_not_change_what_a_seed_draws(teacher):
    """With weight 0 a student is the same student alone, to the bit."""
    alone = build_training(build_experiment(check_config(to_plain(compose([*QUIET, *SHORT, "model=softmax"])))))
    student = build_training(build_experiment(config(teacher, "task.weight=0")))
    for training in (alone, student):
        train(training, StopRequest())
    assert all(value.equal(student.model.state_dict()[name]) for name, value in alone.model.state_dict().items())


def test_a_student_follows_its_teacher_more_than_the_student_alone_does(teacher, tmp_path):
    found = {}
    for weight in (0.0, 1.0):
        folder = tmp_path / f"{weight:g}"
        result = run(
            folder, *SHORT, "trainer.steps=40", "model=mlp", "task=distillation", f"task.teacher={teacher}",
            f"task.weight={weight}",
        )  # fmt: skip
        found[weight] = result.record["metrics"]["train/divergence"]
    assert found[1.0] < 0.7 * found[0.0]


def test_the_hash_of_the_teachers_weights_is_recorded_and_part_of_a_jobs_identity(teacher, tmp_path, monkeypatch):
    monkeypatch.chdir(teacher.parent)
    plain = to_plain(compose(["task=distillation", f"task.teacher={teacher.name}"]))
    task = config(teacher).plain["task"]
    assert task["teacher"] == str(teacher) and task["teacher_weights"] == weights_digest(teacher, "")
    assert pinned(plain)["task"] == task and pinned(pinned(plain)) == pinned(plain)
    other = tmp_path / "other"
    shutil.copytree(teacher, other)
    shutil.copy(teacher / "run.json", other / "checkpoints" / "best.safetensors")
    changed = pinned({**plain, "task": {**plain["task"], "teacher": str(other)}})
    assert changed["task"]["teacher_weights"] != task["teacher_weights"]
    same_place = {**changed, "task": {**changed["task"], "teacher": task["teacher"]}}
    assert identity(same_place) != identity(pinned(plain))


@pytest.fixture
def stopped(teacher, tmp_path):
    """A copy of the teacher, and a student of it that was stopped after two steps."""
    own = tmp_path / "teacher"
    shutil.copytree(teacher, own)

    def stop(model):
        raise Interrupted("stopped", 2)

    checked = config(own, "trainer.log_every=2 steps", "trainer.checkpoint_every=1 step")
    with pytest.raises(Interrupted):
        launch(checked, tmp_path, "student", watch=stop)
    return own, tmp_path / "student"


def test_a_student_goes_on_only_with_the_teacher_that_it_began_with(stopped):
    own, student = stopped
    best = own / "checkpoints" / "best.safetensors"
    kept = best.read_bytes()
    content = bytearray(kept)
    content[-1] ^= 1
    best.write_bytes(content)
    with pytest.raises(UserError, match=f"task.teacher={own}: its weights have changed since this run began") as told:
        resume(student)
    assert "\n" not in str(told.value)
    shutil.move(own, own.with_name("moved"))
    with pytest.raises(UserError, match=f"task.teacher={own}: no such run folder"):
        resume(student)
    shutil.move(own.with_name("moved"), own)
    best.write_bytes(kept)
    assert resume(student).record["status"] == "completed"


def test_a_student_is_evaluated_and_predicts_without_its_teacher(stopped, real_picture):
    own, student = stopped
    resume(student)
    shutil.rmtree(own)
    metrics = evaluate_run(student, "test", None).metrics
    assert set(metrics) == {"test/loss", "test/accuracy"}
    (row,) = predict(student, [str(real_picture)], None, {})
    assert row["picture"] == str(real_picture)


@pytest.fixture
def real_picture(tmp_path):
    from PIL import Image as Picture

    Picture.new("L", (28, 28), 128).save(tmp_path / "grey.png")
    return tmp_path / "grey.png"


def test_a_student_resumes_exactly(teacher, tmp_path):
    options = ("trainer.log_every=1 step", "trainer.checkpoint_every=1 step")
    calls = iter(range(9))

    def stop(model):
        if next(calls) == 2:
            raise Interrupted("stopped", 2)
        return {}

    with double():
        launch(config(teacher, *options), tmp_path, "through")
        with pytest.raises(Interrupted):
            launch(config(teacher, *options), tmp_path, "stopped", watch=stop)
        resume(tmp_path / "stopped")
    losses = [[row.get("train/loss") for row in rows(tmp_path / name)] for name in ("through", "stopped")]
    assert losses[0] == losses[1] and len(losses[0]) >= 4


@pytest.mark.parametrize("folder", ["nothing", "empty"])
def test_what_is_no_run_is_refused_before_torch_is_needed(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=f"task.teacher={tmp_path / folder}: (no such run folder|this folder has no)"):
        config(tmp_path / folder)


def test_smoothed_labels_and_a_missing_teacher_are_one_line(teacher):
    with pytest.raises(UserError, match=r"label_smoothing=0.1: is for .* not for distillation"):
        build_experiment(config(teacher, "regularization=label_smoothing"))
    with pytest.raises(UserError, match=r"task.teacher: needs a value"):
        to_plain(compose(["task=distillation"]))
