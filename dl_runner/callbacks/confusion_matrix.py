"""The confusion matrix of the validation split at each evaluation: RUN/confusion_matrix/STEP.png, and in TensorBoard.

It is made of the sums of the evaluation itself, which it therefore does not make longer by another pass.
"""

from collections.abc import Mapping

from dl_runner.errors import UserError
from dl_runner.report.pictures import confusion_matrix as drawn
from dl_runner.report.pictures import save_png
from dl_runner.runtime.files import writing
from dl_runner.spec import Classes, Pixels
from dl_runner.training.callbacks import Run

FOLDER = "confusion_matrix"


class ConfusionMatrix:
    """See `confusion_matrix`."""

    def check(self, run: Run) -> None:
        if not isinstance(run.spec.targets, Classes | Pixels):
            raise UserError("callback=confusion_matrix: is for classes, and the data have other targets")
        if run.batches("validation") is None:
            raise UserError("callback=confusion_matrix: there are no validation data; set data.validation=0.1")

    def after_evaluation(self, run: Run, metrics: Mapping[str, float]) -> None:
        sums = run.sums("validation") or {}
        if "confusion" not in sums:
            raise UserError("callback=confusion_matrix: the task counts no confusions; take callback=csv_predictions")
        picture = drawn(sums["confusion"].numpy(), run.spec.classes)
        path = run.folder / FOLDER / f"{run.step}.png"
        with writing(path):
            path.parent.mkdir(exist_ok=True)
        save_png(picture, path)
        run.tracker.image("validation/confusion", picture, run.step)


def confusion_matrix() -> ConfusionMatrix:
    """Rows are the true classes, columns the predicted ones."""
    return ConfusionMatrix()
