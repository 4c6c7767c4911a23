"""LeNet's kernels change from noise to something that tells the classes apart."""

import pytest
import torch
from lesson_runs import checked, hold
from torch import nn
from torch.nn import functional as F

from dl_runner.errors import UserError
from dl_runner.lessons.lenet_features import features
from dl_runner.running.lesson import Lesson


def test_the_kernels_learn(tmp_path):
    options = ("experiment=lessons/lenet_features", "data=digits", "data.limit=null", "trainer.epochs=3")
    lesson = hold(tmp_path, "lenet_features", *options[1:], "lesson.shown=[3,7]")
    assert lesson.metric("lenet", "test/accuracy") > 0.8
    lesson = Lesson(checked(*options), lesson.folder)
    before, after = lesson.initial()[0].weight, lesson.train("lenet").model[0].weight
    assert torch.linalg.norm(after - before) > 0.3 * torch.linalg.norm(before)


def test_a_class_without_images_is_refused(tmp_path):
    options = ("data=digits", "data.limit=null", "lesson.shown=[3,10]")
    with pytest.raises(UserError, match=r"lesson.shown=\[3, 10\]: there is no test image of class 10"):
        hold(tmp_path, "lenet_features", *options)
    assert not (tmp_path / "lesson" / "arms").exists()


def test_features_are_the_outputs_of_each_convolution_after_its_activation():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 5)
    )
    images = torch.randn(4, 1, 10, 10)
    first, second, outputs = features(model, images)
    torch.testing.assert_close(first, model[0](images).relu())
    torch.testing.assert_close(second, model[3](F.max_pool2d(first, 2)).tanh())
    torch.testing.assert_close(outputs, model(images))
