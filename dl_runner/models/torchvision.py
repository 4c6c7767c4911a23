"""Any classifier of torchvision, its last layer made for the data. Its weights: pretrained.from=torchvision:NAME."""

from typing import Any

from torch import nn

from dl_runner.errors import UserError, hint
from dl_runner.layers.patches import require_whole_patches
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec

CHANNELS = 3  # of all of torchvision's classifiers
# Their published weights expect inputs that are normalized as for the others, and normalize them anew inside.
OF_INCEPTION = {"aux_logits": False, "init_weights": False, "transform_input": True}


def torchvision(data: DataSpec, *, architecture: str = "resnet18") -> nn.Module:
    """(batch, 3, h, w) → (batch, outputs); which h and w it takes depends on the architecture.

    Args:
        architecture: a name of `torchvision.models.list_models(module=torchvision.models)`, such as resnet18,
            mobilenet_v3_small or vit_b_16. Auxiliary classifiers are left out.

    Raises:
        UserError: torchvision is not installed, has no such classifier, or the classifier does not take such images.
    """
    require_images(data, "torchvision")
    try:
        from torchvision import models
    except ImportError:
        raise UserError(
            "model=torchvision: needs torchvision, which is not installed; pip install 'dl_runner[torchvision]'"
        ) from None
    known = models.list_models(module=models)
    if architecture not in known:
        raise UserError(
            f"model.architecture={architecture}: torchvision has no such classifier{hint(architecture, known)}"
        )
    if data.channels != CHANNELS:
        raise UserError(
            f"model=torchvision: its classifiers take images of {CHANNELS} channels, and the data's have "
            f"{data.channels}; model=timm takes any number"
        )
    sizes = _sizes(architecture, *data.input_shape[1:])
    try:
        model = models.get_model(architecture, weights=None, num_classes=data.outputs, **sizes)
    except ValueError as error:  # a transformer, of images that it cannot cut into its patches
        reason = " ".join(str(error).split())
        raise UserError(f"model.architecture={architecture}: does not take such images ({reason})") from None
    require_whole_patches(model, model, data.input_shape, f"model.architecture={architecture}")
    return model


def _sizes(architecture: str, height: int, width: int) -> dict[str, Any]:
    """The keywords of those architectures that have to know their images, or are of several parts."""
    if architecture in ("googlenet", "inception_v3"):
        return OF_INCEPTION
    if architecture.startswith("maxvit_"):
        return {"input_size": (height, width)}
    if not architecture.startswith("vit_"):
        return {}
    patch = int(architecture.rpartition("_")[2])
    if height != width or height % patch:
        raise UserError(
            f"model.architecture={architecture}: takes square images of a multiple of {patch} pixels, and the data's "
            f"are {height}×{width}; set data.image_size={max(1, round(height / patch)) * patch}"
        )
    return {"image_size": height}
