"""The notes' loop: every image through PIL transforms in four worker processes, an eager fp32 step, and the loss and
the accuracy read back as Python numbers after each step."""

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from benchmark.arms.job import Job, say
from dl_runner.runtime.device import resolve_device


def main(job: Job) -> None:
    device = resolve_device("auto")
    train, test = loaders(job)
    model = job.build_model().to(device)
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=job.lr)
    first = True
    for epoch in range(1, job.epochs + 1):
        model.train()
        loss_sum, correct, seen = 0.0, 0, 0
        for images, labels in train:
            images, labels = images.to(device), labels.to(device)
            optimizer.zero_grad()
            logits = model(images)
            loss = loss_function(logits, labels)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(labels)
            correct += (logits.argmax(1) == labels).sum().item()
            seen += len(labels)
            if first:
                say(device, step=1)
                first = False
        right, tested = evaluate(model, test, device)
        means = {"train/loss": loss_sum / seen, "train/accuracy": correct / seen, "test/accuracy": right / tested}
        say(device, epoch=epoch, tested=tested, **means)


def loaders(job: Job) -> tuple[DataLoader, DataLoader]:
    """The training images in a new order every epoch, and the test images."""
    resize = [transforms.Resize(job.image_size)] if job.image_size else []
    transform = transforms.Compose([*resize, transforms.ToTensor()])
    train, test = (datasets.FashionMNIST(job.root, train=part, transform=transform) for part in (True, False))
    return (
        DataLoader(train, job.batch_size, shuffle=True, num_workers=4),
        DataLoader(test, job.batch_size, shuffle=False, num_workers=4),
    )


def evaluate(model: nn.Module, test: DataLoader, device: torch.device) -> tuple[int, int]:
    """Images classified rightly, and all."""
    model.eval()
    right, tested = 0, 0
    with torch.no_grad():
        for images, labels in test:
            images, labels = images.to(device), labels.to(device)
            right += (model(images).argmax(1) == labels).sum().item()
            tested += len(labels)
    return right, tested


if __name__ == "__main__":
    main(Job.of_command_line())
