"""Any model of timm (PyTorch Image Models), made for the data's channels and outputs. Weights: pretrained.from=FILE."""

from textwrap import shorten

from torch import nn

from dl_runner.config.types import Fraction
from dl_runner.errors import UserError, hint
from dl_runner.layers.patches import require_whole_patches
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec


def timm(data: DataSpec, *, architecture: str = "resnet18", dropout: Fraction = 0.0) -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs); which h and w it takes depends on the architecture.

    Args:
        architecture: a name of `timm.list_models()`, such as resnet18, tf_efficientnet_lite0 or vit_tiny_patch16_224.
        dropout: before its last layer.

    Raises:
        UserError: timm is not installed, has no such model, or the model does not take such images, or
            not the whole of them.
    """
    require_images(data, "timm")
    try:
        import timm as library
    except ImportError:
        raise UserError("model=timm: needs timm, which is not installed; pip install 'dl_runner[timm]'") from None
    if not library.is_model(architecture):
        raise UserError(
            f"model.architecture={architecture}: timm has no such model{hint(architecture, library.list_models())}"
        )
    channels, height, width = data.input_shape
    fixed = library.get_pretrained_cfg(architecture)
    sizes = {"img_size": (height, width)} if fixed is not None and fixed.fixed_input_size else {}
    try:
        model = library.create_model(
            architecture, num_classes=data.outputs, in_chans=channels, drop_rate=dropout, **sizes
        )
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        reason = shorten(str(error), 150, placeholder=" …") or type(error).__name__
        raise UserError(
            f"model.architecture={architecture}: does not take images of {channels}×{height}×{width} ({reason})"
        ) from None
    require_whole_patches(model, model.forward_features, data.input_shape, f"model.architecture={architecture}")
    return model
