"""Specs of data for tests."""

from dl_runner.spec import Classes, DataSpec, Image, Numbers, Vector


def _inputs(shape, mean, std):
    channels = shape[0] if len(shape) == 3 else 1
    kind = Image if len(shape) == 3 else Vector
    return kind(*shape, mean=mean or (0.0,) * channels, std=std or (1.0,) * channels)


def labelled(shape, outputs, classes=(), mean=None, std=None) -> DataSpec:
    """Images or vectors of a shape, with one of so many classes each."""
    return DataSpec(_inputs(shape, mean, std), Classes(classes or tuple(map(str, range(outputs)))), "classification")


def numbered(shape, outputs, mean=None, std=None) -> DataSpec:
    """Images or vectors of a shape, with so many numbers as targets each."""
    return DataSpec(_inputs(shape, mean, std), Numbers(outputs), "regression")
