"""What turns the feature maps of a convolutional network into one number per class."""

from torch import nn


def pooled_head(channels: int, outputs: int) -> nn.Sequential:
    """Global average pooling and one linear layer (Lin et al., 2014); (batch, channels, h, w) → (batch, outputs)."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, outputs))


def dense_head(features: int, outputs: int, dropout: float, width: int = 4096) -> nn.Sequential:
    """Two hidden layers of `width` units with ReLU and dropout, and a linear one (Krizhevsky et al., 2012).

    (batch, channels, h, w) → (batch, outputs), where `features` is channels · h · w.
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(features, width),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(width, outputs),
    )
