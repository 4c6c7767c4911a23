"""Whether the keys of a k-fold cross-validation fit each other. Imports no torch; `sampling.py` cuts the folds."""

from dl_runner.errors import UserError


def check_folds(folds: int | None, fold: int | None, validation: float | None) -> None:
    """Check data.folds and data.fold against each other and against data.validation.

    Args:
        folds: number of parts of the training examples, >= 2; None for no cross-validation.
        fold: the part that is the validation data, >= 0.
        validation: share of the training examples held out; None or 0 where the folds take its place.

    Raises:
        UserError: one without the other, no such fold, or two kinds of validation data.
    """
    if folds is None and fold is None:
        return
    if folds is None:
        raise UserError(f"data.fold={fold}: of how many? add data.folds=5")
    if fold is None:
        every = ",".join(map(str, range(min(folds, 5)))) + (",…" if folds > 5 else "")
        raise UserError(
            f"data.folds={folds}: which fold is the validation data? add data.fold=0, or dlrun -m … data.fold={every}"
        )
    if fold >= folds:
        raise UserError(f"data.fold={fold}: there are data.folds={folds}; use 0 to {folds - 1}")
    if validation:
        raise UserError(
            f"data.validation={validation:g} and data.folds={folds}: the fold is the validation data; "
            "set data.validation=null"
        )
