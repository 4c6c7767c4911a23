"""Keys that are right by themselves and wrong together, found without torch or data.

Each function raises UserError that names the keys and the remedy.
"""

from dl_runner.config.schema import ParallelConfig
from dl_runner.errors import UserError

GRADIENT_STEPS = {"sgd", "momentum", "asgd", "sgd_scratch", "momentum_scratch"}
DECOUPLED = {"adamw", "adafactor"}


def check_decay(optimizer: str, rate: float, *, weight_decay: float, l2: float, decoupled: float) -> None:
    """Check that a step shrinks the weights and does not turn their sign: η·λ < 1.

    An adaptive step does not grow with the gradient, so an L2 penalty in its gradient has no such limit.

    Args:
        optimizer: its name.
        rate: its learning rate η > 0.
        weight_decay: λ in the optimizer's own step, >= 0.
        l2: λ of the penalty in the loss, >= 0.
        decoupled: λ of decoupled weight decay, >= 0.

    Raises:
        UserError: η·λ >= 1, or the optimizer has no weight decay of its own.
    """
    if weight_decay and optimizer == "rprop":  # which looks at the gradient's sign alone
        raise UserError(
            f"regularization.weight_decay={weight_decay:g}: optimizer rprop has none; "
            "use regularization.decoupled or regularization.l2"
        )
    shrinking = {"decoupled": decoupled}
    if optimizer in GRADIENT_STEPS | DECOUPLED:
        shrinking["weight_decay"] = weight_decay
    if optimizer in GRADIENT_STEPS:
        shrinking["l2"] = l2
    total = sum(shrinking.values())
    if rate * total >= 1:
        named = " + ".join(f"regularization.{name}={value:g}" for name, value in shrinking.items() if value)
        raise UserError(
            f"{named} with optimizer.lr={rate:g}: each step would multiply the weights by 1 − ηλ = "
            f"{1 - rate * total:g}, and ηλ must stay below 1; lower one of them"
        )


def check_smoothing(loss: str, smoothing: float) -> None:
    """Check that smoothed labels meet cross-entropy.

    Raises:
        UserError: they meet another loss.
    """
    if smoothing and loss not in ("auto", "cross_entropy", "cross_entropy_scratch"):
        raise UserError(
            f"regularization.label_smoothing={smoothing:g}: is for cross-entropy, not for loss={loss}; "
            "use loss=cross_entropy"
        )


def check_schedule(optimizer: str, schedule: str, *, warmed: bool) -> None:
    """Check that the optimizer follows the learning rate after its first step.

    Raises:
        UserError: it does not, and the rate would change.
    """
    if optimizer == "rprop" and (schedule != "constant" or warmed):
        raise UserError(
            f"schedule={schedule}: optimizer rprop keeps step sizes of its own and takes no schedule; "
            "use schedule=constant schedule.warmup=null"
        )


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


def check_parallel(
    config: ParallelConfig,
    *,
    batch_size: int,
    layers: str,
    memory_format: str,
    l1: float,
    l2: float,
    max_norm: float | None,
) -> None:
    """Check what can be known without torch.

    Args:
        batch_size, layers, memory_format, l1, l2, max_norm: of the config's other groups.

    Raises:
        UserError: several devices for a run on one, fewer examples than devices, or a part that cannot be shared out.
    """
    name, devices = config.name, config.devices
    if name == "none" and (devices or 1) > 1:
        raise UserError(f"parallel.devices={devices}: parallel=none uses one; choose parallel=ddp")
    if (devices or 1) > batch_size:
        raise UserError(
            f"data.batch_size={batch_size}: is the whole batch, and parallel.devices={devices} need at least one "
            "example each; choose a larger batch or fewer devices"
        )
    if config.sync_batchnorm and not config.grouped:
        raise UserError(f"parallel.sync_batchnorm=true: parallel={name} has nothing to synchronize; use parallel=ddp")
    if config.sync_batchnorm and layers == "scratch":
        raise UserError(
            "parallel.sync_batchnorm=true: replaces torch's layers, and layers=scratch has others; use layers=torch"
        )
    if name == "fsdp" and memory_format == "channels_last":
        raise UserError("device.memory_format=channels_last: parallel=fsdp cuts contiguous weights only; use auto")
    sharded = {"l1": l1, "l2": l2, "max_norm": max_norm} if name == "fsdp" else {}
    for key, value in sharded.items():
        if value:
            raise UserError(
                f"regularization.{key}={value:g}: needs whole weights, and parallel=fsdp cuts them up; "
                "use regularization.weight_decay, or parallel=ddp"
            )
