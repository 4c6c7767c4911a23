"""What each model can be built for, for the tests that go through all of conf/model."""

from itertools import product

import torch
from omegaconf import OmegaConf
from specs import labelled
from torch import nn

from dl_runner.build.builders import offered
from dl_runner.config.search_path import CONF, choices
from dl_runner.config.types import arguments
from dl_runner.data.batch import Batch, blank, call, map_tensors
from dl_runner.layers.columns import reading_rows
from dl_runner.registry import builder
from dl_runner.spec import Boxes, Classes, Columns, DataSpec, Fields, Image, Numbers, Pixels, Tokens, Vector
from dl_runner.tasks.task import Task

LIBRARIES = ("torchvision", "timm")  # whose models have tests of their own
MODELS = [name for name in choices("model") if name not in LIBRARIES]
RESIDUAL = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
# The side in pixels of the smallest square that a model of images takes.
SMALLEST = {
    "lenet": 12,
    "lenet_parallel": 14,
    "bn_lenet": 16,
    "alexnet": 65,
    "vgg": 32,
    "nin": 67,
    "googlenet": 1,
    "inception_v3": 1,
    **dict.fromkeys(RESIDUAL, 1),
}
# 18 million parameters and more, even for small images.
HEAVY = ("alexnet", "vgg", "resnet34", "resnet50", "resnet101", "resnet152")
FITTED = ("ngram",)  # which have no parameter, and tests of their own
VECTORS = ("linear", "mlp", "centered_mlp", "fixed_hidden", "nested_mlp", "tied_mlp")

INPUTS = ("image", "vector", "tokens", "columns", "fields", "pairs", "points")
TARGETS = ("classes", "numbers", "tokens", "pixels", "boxes", "fields")
TASKS = {
    "classes": "classification",
    "numbers": "regression",
    "tokens": "language_model",
    "pixels": "segmentation",
}
# The kinds of inputs and of targets that a model takes; every other pair it refuses.
ACCEPTED = {
    **dict.fromkeys(SMALLEST, (("image", "classes"), ("image", "numbers"))),
    **dict.fromkeys(VECTORS, tuple(product(("image", "vector", "columns"), ("classes", "numbers")))),
    "embedding_mlp": (("columns", "classes"), ("columns", "numbers")),
    **dict.fromkeys(("rnn", "gru", "lstm"), tuple(product(("tokens",), ("tokens", "classes", "numbers")))),
    **dict.fromkeys(("gpt", "ngram"), (("tokens", "tokens"),)),
    "nadaraya_watson": (("points", "numbers"),),
    **dict.fromkeys(("seq2seq", "bahdanau", "transformer"), (("pairs", "tokens"),)),
    "fcn": (("image", "pixels"),),
    **dict.fromkeys(("softmax", "perceptron"), tuple(product(("image", "vector", "columns"), ("classes",)))),
    "polynomial": (("vector", "classes"), ("vector", "numbers")),
    "convolution": (("image", "classes"), ("image", "numbers")),
}


def spec(shape: tuple[int, ...], outputs: int = 10) -> DataSpec:
    return labelled(shape, outputs, tuple(f"class {i}" for i in range(outputs)))


def spec_for(name: str, inputs: str, targets: str, channels: int = 1, outputs: int = 10) -> DataSpec:
    """Data of these kinds, of a size that the model works with if it takes the kinds at all."""
    # A convolution's are the pixels of a map.
    outputs = {"perceptron": 2, "convolution": 12, "nadaraya_watson": 1}.get(name, outputs)
    side = 4 if name == "convolution" else max(SMALLEST.get(name, 1), 12)
    names = tuple(f"class {i}" for i in range(outputs))
    kinds_of_inputs = {
        "image": Image(channels, side, side, (0.0,) * channels, (1.0,) * channels),
        "vector": Vector(1 if name == "polynomial" else 6),
        "tokens": Tokens(11, 7),
        "columns": Columns(("age", "height"), ("town",), (3,)),
        "fields": Fields.of(left=Image(channels, side, side), right=Vector(6)),
        "points": Fields.of(query=Vector(1), keys=Vector(5), values=Vector(5), seen=Vector(5)),
        "pairs": Fields.of(source=Tokens(13, 5, 1), target=Tokens(11, 7, 1)),
    }
    kinds_of_targets = {
        "classes": Classes(names),
        "numbers": Numbers(outputs),
        "tokens": Tokens(11, 7, 1 if inputs == "pairs" else None),
        "pixels": Pixels(names, side, side),
        "boxes": Boxes(names, 3),
        "fields": Fields.of(kind=Classes(names), size=Numbers(1)),
    }
    task = "translation" if inputs == "pairs" else TASKS.get(targets, "another")
    return DataSpec(kinds_of_inputs[inputs], kinds_of_targets[targets], task)


def example_spec(name: str) -> DataSpec:
    """Data with classes that the model works with: small images where it takes them."""
    return spec_for(name, *ACCEPTED[name][0])


def random_batch(of: DataSpec, examples: int) -> Batch:
    """As `blank`, with random numbers and labels."""
    batch = blank(of, examples)
    generator = torch.Generator().manual_seed(0)

    def draw(one: torch.Tensor, below: int) -> torch.Tensor:
        if one.is_floating_point():
            return torch.randn(one.shape, generator=generator)
        return torch.randint(below, one.shape, generator=generator, dtype=one.dtype)

    below = min(of.inputs.sizes) if isinstance(of.inputs, Columns) else getattr(of.inputs, "vocabulary", 1)
    if isinstance(of.inputs, Fields):
        below = min(getattr(kind, "vocabulary", 1) for _, kind in of.inputs.fields)
    inputs = map_tensors(batch.inputs, lambda one: draw(one, below))
    targets = map_tensors(batch.targets, lambda one: draw(one, getattr(of.targets, "size", 1)))
    return Batch.of(inputs, targets, batch.each)


def task_of(of: DataSpec) -> Task:
    """The data's own task with its usual loss."""
    function = builder("task", of.task)
    return function(**offered(function, {"data": of, "loss": builder("loss", "auto")(of)}))


def answers_of(model: nn.Module, batch: Batch) -> torch.Tensor:
    """What the model says of each place that has a target, without the state that it carries on."""
    answers = call(model, batch.inputs)
    return answers[0] if isinstance(answers, tuple) else answers


def build_for(name: str, of: DataSpec, seed: int = 0, **options) -> nn.Module:
    """The model of conf/model/NAME.yaml, some of its options replaced."""
    plain = OmegaConf.to_container(OmegaConf.load(CONF / "model" / f"{name}.yaml"))
    function = builder("model", plain.get("builder", name))
    own = {key: value for key, value in plain.items() if key not in ("name", "builder")}
    torch.manual_seed(seed)
    return reading_rows(function(of, **(arguments(function, own, "model", {"data"}) | options)), of)


def build(name: str, shape: tuple[int, ...] = (1, 28, 28), outputs: int = 10, seed: int = 0, **options) -> nn.Module:
    return build_for(name, spec(shape, outputs), seed, **options)


def build_example(name: str, seed: int = 0) -> nn.Module:
    return build_for(name, example_spec(name), seed)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def kinds(model: nn.Module) -> list[type]:
    return [type(layer) for layer in model]
