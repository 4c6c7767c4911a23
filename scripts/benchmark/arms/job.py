"""What every arm is told, and how it says when it was done. Imports torch only in the arm's own process."""

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training, the same for every arm.

    Args:
        experiment: of the notes; dlrun is given its name, the other arms what it says.
        overrides: KEY=VALUE for dlrun where the job differs from the experiment.
        root: the folder with FashionMNIST/raw, unpacked; every example in it is used.
        outputs: an empty folder for what the arm writes.
        model, init: {"name", "builder" where that is another, and keywords of it}.
        image_size: side in pixels that images are resized to; None for their own 28.
        batch_size, lr, epochs, seed: as in the experiment.
        variant: choices that only some arms know.
    """

    experiment: str
    overrides: tuple[str, ...] = ()
    root: str
    outputs: str
    model: dict[str, Any]
    init: dict[str, Any]
    image_size: int | None
    batch_size: int
    lr: float
    epochs: int
    seed: int = 0
    variant: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of_command_line(cls) -> "Job":
        return cls(**json.loads(sys.argv[1]))

    def build_model(self) -> "torch.nn.Module":
        """The experiment's model with dlrun's initial weights for this seed, on the processor."""
        import torch

        from dl_runner import registry
        from dl_runner.spec import Classes, DataSpec, Image

        side = self.image_size or 28
        spec = DataSpec(Image(1, side, side), Classes(tuple("0123456789")), "classification")
        (make_model, model), (make_init, init) = (
            (
                registry.builder(group, part.get("builder", part["name"])),
                {key: part[key] for key in part if key not in ("name", "builder")},
            )
            for group, part in (("model", self.model), ("init", self.init))
        )
        torch.manual_seed(self.seed)
        built = make_model(spec, **model)
        make_init(**init)(built)
        return built


def say(device: "torch.device", **what: float) -> None:
    """One line of JSON: the wall-clock time at which the device had done `what`.

    `step=1` after the first training step; after each epoch and its evaluation epoch=N, train/loss, train/accuracy,
    test/accuracy and tested, the number of images evaluated.
    """
    from dl_runner.runtime.device import synchronize

    synchronize(device)
    print(json.dumps({"time": time.time(), **what}), flush=True)
