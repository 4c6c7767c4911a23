"""Our augmentations of a whole batch against torchvision.transforms.v2, which draws one amount per call and so has to
be called image by image. Prints the table of docs/speed.md: milliseconds of ours and of torchvision's, each the median
of some rounds in turns, and the median of the rounds' ratios.

    OMP_NUM_THREADS=2 python scripts/bench_augment.py
"""

import os
import statistics
import time
from collections.abc import Callable

import torch
import torchvision
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from dl_runner.data import augment, augment_color
from hardware import hardware

BATCH, SIZES, THREADS, ROUNDS = 256, (28, 96), (1, 2), 7
BILINEAR = InterpolationMode.BILINEAR
MOVES = {"degrees": 30, "translate": (0.1, 0.1), "scale": (0.8, 1.2)}


def pairs(size: int) -> dict[str, tuple[Callable, Callable]]:
    """Name to (ours at its defaults, torchvision's of the same settings)."""
    return {
        "horizontal_flip": (augment.horizontal_flip(), v2.RandomHorizontalFlip()),
        "vertical_flip": (augment.vertical_flip(), v2.RandomVerticalFlip()),
        "random_crop": (augment.random_crop(), v2.RandomCrop(size, padding=4)),
        "translation": (augment.translation(), v2.RandomAffine(0, translate=(0.1, 0.1))),
        "rotation": (augment.rotation(), v2.RandomRotation(30, interpolation=BILINEAR)),
        "affine": (augment.affine(), v2.RandomAffine(**MOVES, interpolation=BILINEAR)),
        "random_resized_crop": (
            augment.random_resized_crop(),
            v2.RandomResizedCrop(size, scale=(0.1, 1.0), ratio=(0.5, 2.0)),
        ),
        "random_erasing": (augment.random_erasing(), v2.RandomErasing(p=0.5)),
        "color_jitter": (augment_color.color_jitter(), v2.ColorJitter(0.5, 0.5, 0.5, 0.5)),
        "gaussian_blur": (augment_color.gaussian_blur(), v2.GaussianBlur(5)),
        "gaussian_noise": (augment_color.gaussian_noise(), v2.GaussianNoise()),
    }


def in_turns(arms: list[Callable[[], Tensor]]) -> list[list[float]]:
    """Seconds of each arm in each round; the first round warms up and is left out."""
    seconds = []
    for _ in range(ROUNDS + 1):
        seconds.append([])
        for arm in arms:
            start = time.perf_counter()
            arm()
            seconds[-1].append(time.perf_counter() - start)
    return seconds[1:]


def main() -> None:
    generator, load = torch.Generator().manual_seed(0), f"{os.getloadavg()[0]:.1f}"
    print(f"{hardware('cpu', os.cpu_count(), torch.__version__)}, torchvision {torchvision.__version__}\n")
    columns = [f"{size} px, {threads} thread{'s' * (threads > 1)}" for size in SIZES for threads in THREADS]
    print(f"| transform | {' | '.join(columns)} |\n|---{'|---' * len(columns)}|")
    for name in pairs(SIZES[0]):
        cells = []
        for size in SIZES:
            images = torch.rand(BATCH, 3, size, size, generator=generator)
            ours, theirs = pairs(size)[name]
            for threads in THREADS:
                torch.set_num_threads(threads)
                rounds = in_turns(
                    [
                        lambda ours=ours, images=images: ours(images, generator),
                        lambda theirs=theirs, images=images: torch.stack([theirs(image) for image in images]),
                    ]
                )
                first, second = (1e3 * statistics.median(column) for column in zip(*rounds, strict=True))
                ratio = statistics.median(loop / batch for batch, loop in rounds)
                cells.append(f"{first:.1f}, {second:.1f}: {ratio:.1f}")
        print(f"| `{name}` | {' | '.join(cells)} |", flush=True)
    print(f"\nload average {load} before, {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
