"""The lesson on byte-pair encoding."""

import pytest
from lesson_runs import checked, hold

from dl_runner.errors import UserError
from dl_runner.running.lesson import teach


def test_a_text_gets_shorter_by_merges_and_none_is_trained(tmp_path):
    lesson = hold(tmp_path, "subword_merges", "data.characters=30000", "lesson.merges=[5,60]")
    trained, held = lesson.record["metrics"].values()
    assert 1.2 < held <= trained + 0.3 < 3 and not (lesson.folder / "arms").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["lesson.merges=[60,5]"], "lesson.merges=[60, 5]: have to increase"),
        (["lesson.words=[]"], "lesson.words=[] to name some"),
        (["~data.characters", "~data.test", "data=copy_task"], "data=copy_task: is no text"),
    ],
)
def test_mistakes_are_refused(tmp_path, options, message):
    with pytest.raises(UserError) as error:
        teach(checked("experiment=lessons/subword_merges", *options), tmp_path, "lesson")
    assert message in str(error.value)
