"""Regularization, losses, optimizers and schedules that cannot work together, found without torch."""

from dl_runner.errors import UserError

# Their step subtracts η times the gradient, so that the gradient λ·w of an L2 penalty multiplies a weight by 1 − ηλ.
GRADIENT_STEPS = {"sgd", "momentum", "asgd", "sgd_scratch", "momentum_scratch"}
# They multiply a weight by 1 − ηλ themselves.
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
