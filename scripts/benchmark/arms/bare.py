"""The limit that plain PyTorch allows: everything in memory, a gather per batch, nothing read back within an epoch.

No logging but one line an epoch, no checkpoint. Its variants are probed, and the fastest takes part:

    precision      "fp32", "tf32" (CUDA) or "bf16" autocast
    channels_last  memory format of model and images
    threads        processor threads
    data           "float" for images prepared once, "uint8" for bytes converted a batch at a time
    optimizer      "default" or "fused" implementation of torch.optim.SGD
"""

import contextlib

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.arms import memory
from benchmark.arms.job import Job, say
from dl_runner.data.samplers import permutation
from dl_runner.runtime.device import resolve_device

EVALUATED = 1000  # images at once where they keep their size; larger ones are evaluated in training batches


def main(job: Job) -> None:
    device = resolve_device("auto")
    chosen = job.variant
    torch.set_num_threads(chosen["threads"])
    for unit in (torch.backends.cuda.matmul, torch.backends.cudnn.conv):
        unit.fp32_precision = "tf32" if chosen["precision"] == "tf32" else "ieee"
    layout = torch.channels_last if chosen["channels_last"] else torch.contiguous_format
    low = chosen["precision"] == "bf16"

    def load(part: str) -> tuple[Tensor, Tensor]:
        images, labels = memory.load(job.root, part)
        kept = images.float().div_(255) if chosen["data"] == "float" else images
        return kept.to(device), labels.to(device)

    def prepare(images: Tensor) -> Tensor:
        images = images if chosen["data"] == "float" else images.float().div_(255)
        return memory.resize(images, job.image_size).contiguous(memory_format=layout)

    def autocast() -> contextlib.AbstractContextManager:
        return torch.autocast(device.type, torch.bfloat16) if low else contextlib.nullcontext()

    def test_accuracy() -> float:
        model.eval()
        size = job.batch_size if job.image_size else EVALUATED
        right = torch.zeros((), dtype=torch.int64, device=device)
        with torch.inference_mode(), autocast():
            for images, labels in zip(test_images.split(size), test_labels.split(size), strict=True):
                right += (model(prepare(images)).argmax(1) == labels).sum()
        return right.item() / len(test_labels)

    (train_images, train_labels), (test_images, test_labels) = load("train"), load("t10k")
    examples = len(train_labels)
    model = job.build_model().to(device, memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=job.lr, fused=chosen["optimizer"] == "fused" or None)
    for epoch in range(job.epochs):
        model.train()
        loss_sum = torch.zeros((), device=device)
        correct = torch.zeros((), dtype=torch.int64, device=device)
        # dlrun's own order, so that the two differ in how they compute and in nothing else.
        order = permutation(examples, job.seed, epoch).to(device)
        for number, batch in enumerate(order.split(job.batch_size)):
            labels = train_labels.index_select(0, batch)
            with autocast():
                logits = model(prepare(train_images.index_select(0, batch)))
                loss = F.cross_entropy(logits, labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            loss_sum += loss.detach() * len(batch)
            correct += (logits.detach().argmax(1) == labels).sum()
            if epoch == number == 0:
                say(device, step=1)
        means = {"train/loss": loss_sum.item() / examples, "train/accuracy": correct.item() / examples}
        say(device, epoch=epoch + 1, tested=len(test_labels), **means, **{"test/accuracy": test_accuracy()})


if __name__ == "__main__":
    main(Job.of_command_line())
