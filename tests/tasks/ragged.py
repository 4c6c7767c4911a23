"""Small models and ragged batches in float64, one pair for each task of the package."""

import torch
from table_translator import Table
from torch import nn
from torch.nn import functional as F

from dl_runner.config.durations import Horizon
from dl_runner.data.batch import Batch
from dl_runner.data.text import IGNORE
from dl_runner.spec import Classes, DataSpec, Fields, Image, Numbers, Pixels, Tokens, Vector
from dl_runner.tasks.classification import classification
from dl_runner.tasks.distillation import distillation
from dl_runner.tasks.labelling import labelling
from dl_runner.tasks.language_model import language_model
from dl_runner.tasks.losses import cross_entropy, squared
from dl_runner.tasks.regression import regression
from dl_runner.tasks.segmentation import segmentation
from dl_runner.tasks.teacher import Teacher
from dl_runner.tasks.translation import translation

LENGTH, SIDE, WORDS = 7, 4, 5
OF_TOKENS = {"language_model": language_model, "labelling": labelling}


class NextToken(nn.Module):
    """An embedding, a recurrent layer and an output, with a state of shape (batch, 1, 1, hidden)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.cell, self.head = (
            nn.Embedding(WORDS, 3),
            nn.RNN(3, 4, batch_first=True),
            nn.Linear(4, WORDS),
        )

    def forward(self, tokens, state=None):
        before = None if state is None else state[:, 0].transpose(0, 1).contiguous()
        outputs, after = self.cell(self.embedding(tokens), before)
        return self.head(outputs), after.transpose(0, 1)[:, None]


def case(name: str, examples: int, seed: int, counted: list[int] | None = None, continues: bool = False):
    """A task, a model and a whole batch of so many examples.

    Args:
        counted: for each example how many of its places are targets, where a task has several; drawn if left out.
    """
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    draw = lambda high, *shape: torch.randint(high, shape, generator=generator)  # noqa: E731
    numbers = torch.randn(examples, 6, generator=generator, dtype=torch.float64)
    if name == "classification":
        spec = DataSpec(Vector(6), Classes(("a", "b", "c")), name)
        return classification(spec, cross_entropy(spec)), nn.Linear(6, 3).double(), Batch.of(numbers, draw(3, examples))
    if name == "distillation":
        spec = DataSpec(Vector(6), Classes(("a", "b", "c")), "classification")
        taught = Teacher("teacher", nn.Linear(6, 3).double(), spec)
        task = distillation(spec, cross_entropy(spec), lambda folder, weights: taught, teacher="teacher")
        return task, nn.Linear(6, 3).double(), Batch.of(numbers, draw(3, examples))
    if name == "regression":
        spec = DataSpec(Vector(6), Numbers(2), name)
        targets = torch.randn(examples, 2, generator=generator, dtype=torch.float64)
        return regression(spec, squared(spec)), nn.Linear(6, 2).double(), Batch.of(numbers, targets)
    places = SIDE * SIDE if name == "segmentation" else LENGTH
    each = torch.tensor(counted) if counted is not None else draw(places + 1, examples)
    real = torch.arange(places) < each[:, None]
    if name in OF_TOKENS:
        spec = DataSpec(Tokens(WORDS, LENGTH), Tokens(WORDS, LENGTH), name)
        targets = draw(WORDS, examples, LENGTH).masked_fill(~real, IGNORE)
        batch = Batch.of(draw(WORDS, examples, LENGTH), targets, {"tokens": each}, continues)
        return OF_TOKENS[name](spec, cross_entropy(spec)), NextToken().double(), batch
    if name == "translation":  # half of the places read the model's own tokens
        tokens = Tokens(WORDS, LENGTH, 1)
        spec = DataSpec(Fields.of(source=tokens, target=tokens), tokens, name)
        targets = draw(WORDS, examples, LENGTH).masked_fill(~real, IGNORE)
        inputs = {"source": draw(WORDS, examples, 3), "target": draw(WORDS, examples, LENGTH)}
        task = translation(spec, cross_entropy(spec), seed=seed, teacher_forcing=0.5, bleu=None)
        task.before_step(seed, Horizon.of(None, 10, 10))
        table = torch.randn(WORDS, WORDS, WORDS, generator=generator, dtype=torch.float64)
        return task, Table(table), Batch.of(inputs, targets, {"tokens": each})
    spec = DataSpec(Image(1, SIDE, SIDE), Pixels(("a", "b", "c"), SIDE, SIDE), name)
    labels = draw(3, examples, places).masked_fill(~real, 255).view(examples, SIDE, SIDE).byte()
    pictures = torch.randn(examples, 1, SIDE, SIDE, generator=generator, dtype=torch.float64)
    batch = Batch.of(pictures, labels, {"pixels": each})
    return segmentation(spec, cross_entropy(spec)), nn.Conv2d(1, 3, 3, padding=1).double(), batch


TASKS = ("classification", "distillation", "regression", "language_model", "labelling", "segmentation", "translation")
RAGGED = ("language_model", "labelling", "segmentation", "translation")


def gradient(task, model, parts) -> torch.Tensor:
    """Of the losses of the parts together."""
    model.zero_grad()
    for part in parts:
        task.step(model, part)[0].backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """Relative to the larger one."""
    scale = max(one.norm().item(), other.norm().item(), 1e-12)
    return F.pairwise_distance(one[None], other[None], eps=0).item() / scale
