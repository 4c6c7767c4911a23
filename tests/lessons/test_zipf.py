"""The lesson on Zipf's law."""

import numpy as np
import pytest
from lesson_runs import checked, hold

from dl_runner.errors import UserError
from dl_runner.lessons.zipf import _fitted
from dl_runner.running.lesson import teach


def test_the_notes_figures_of_the_time_machine(tmp_path, text_root):
    metrics = hold(tmp_path, "zipf", f"data.root={text_root}").record["metrics"]
    assert (metrics["“the”"], metrics["“of the”"], metrics["“the time traveller”"]) == (2261, 309, 59)
    exponents = [metrics[f"exponent of {name}"] for name in ("words", "pairs", "triples")]
    assert 1.2 > exponents[0] > exponents[1] > exponents[2] > 0.2


def test_an_exponent_is_that_of_a_power_law():
    frequencies = 5000.0 * np.arange(1.0, 3001.0) ** -0.83
    assert _fitted(frequencies, 10, 1000) == pytest.approx((0.83, np.log(5000)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["lesson.ranks=[60,5]"], "lesson.ranks=[60, 5]: has to be two ranks that increase"),
        (["data.characters=3000"], "lesson.ranks=[10, 1000]: the text has "),
        (["tokenizer=auto", "~data.test", "data=copy_task", "model=gru"], "data=copy_task: is no text"),
    ],
)
def test_mistakes_are_refused(tmp_path, options, message):
    with pytest.raises(UserError) as error:
        teach(checked("experiment=lessons/zipf", "data=python_docs", *options), tmp_path, "lesson")
    assert str(error.value).startswith(message)
