"""`layers=scratch`: torch's layers in a built model, and those of ours that are a call of torch's, become written out.

A twin is torch's class with another `forward`, so a swapped layer keeps everything else: its parameters, buffers and
name, hence the model's checkpoints, and what looks for an `nn.Linear` (initializers, regularizers) still finds one.
"""

from collections.abc import Callable

from torch import nn

from dl_runner.errors import UserError
from dl_runner.layers.additive_attention import AdditiveAttention
from dl_runner.layers.attention import DotProductAttention
from dl_runner.layers.scratch.activations import ScratchGELU, ScratchLeakyReLU, ScratchReLU, ScratchSigmoid, ScratchTanh
from dl_runner.layers.scratch.additive_attention import ScratchAdditiveAttention
from dl_runner.layers.scratch.attention import ScratchDotProductAttention
from dl_runner.layers.scratch.batch_norm import ScratchBatchNorm1d, ScratchBatchNorm2d
from dl_runner.layers.scratch.convolution import ScratchConv2d
from dl_runner.layers.scratch.dropout import ScratchDropout
from dl_runner.layers.scratch.embedding import ScratchEmbedding
from dl_runner.layers.scratch.layer_norm import ScratchLayerNorm
from dl_runner.layers.scratch.linear import ScratchFlatten, ScratchLinear
from dl_runner.layers.scratch.pooling import ScratchAvgPool2d, ScratchGlobalAvgPool2d, ScratchMaxPool2d
from dl_runner.layers.scratch.recurrent import ScratchGRU, ScratchLSTM, ScratchRNN
from dl_runner.layers.scratch.softmax import ScratchSoftmax
from dl_runner.layers.scratch.transposed_convolution import ScratchConvTranspose2d

TWINS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: ScratchLinear,
    nn.Flatten: ScratchFlatten,
    nn.Embedding: ScratchEmbedding,
    nn.RNN: ScratchRNN,
    nn.GRU: ScratchGRU,
    nn.LSTM: ScratchLSTM,
    nn.Conv2d: ScratchConv2d,
    nn.ConvTranspose2d: ScratchConvTranspose2d,
    nn.MaxPool2d: ScratchMaxPool2d,
    nn.AvgPool2d: ScratchAvgPool2d,
    nn.AdaptiveAvgPool2d: ScratchGlobalAvgPool2d,
    nn.BatchNorm1d: ScratchBatchNorm1d,
    nn.BatchNorm2d: ScratchBatchNorm2d,
    nn.LayerNorm: ScratchLayerNorm,
    DotProductAttention: ScratchDotProductAttention,
    AdditiveAttention: ScratchAdditiveAttention,
    nn.Dropout: ScratchDropout,
    nn.ReLU: ScratchReLU,
    nn.LeakyReLU: ScratchLeakyReLU,
    nn.Sigmoid: ScratchSigmoid,
    nn.Tanh: ScratchTanh,
    nn.GELU: ScratchGELU,
    nn.Softmax: ScratchSoftmax,
}
# They compute nothing themselves.
_CONTAINERS = (nn.Module, nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict, nn.Identity)


def _plain_mean(layer: nn.Module) -> bool:
    return layer.count_include_pad and not layer.ceil_mode and layer.divisor_override is None


def _running(layer: nn.Module) -> bool:
    return layer.track_running_stats and layer.momentum is not None


# What a twin asks of the layer, for those that know less than torch's.
_LIMITS: dict[type[nn.Module], tuple[str, Callable[[nn.Module], bool]]] = {
    nn.Embedding: (
        "no limit of norms, no scaled and no sparse gradients",
        lambda layer: layer.max_norm is None and not layer.scale_grad_by_freq and not layer.sparse,
    ),
    nn.LSTM: ("no projection", lambda layer: layer.proj_size == 0),
    nn.Conv2d: (
        "no dilation, no groups, and zero padding given in pixels",
        lambda layer: (
            (layer.dilation, layer.groups, layer.padding_mode) == ((1, 1), 1, "zeros")
            and not isinstance(layer.padding, str)
        ),
    ),
    nn.ConvTranspose2d: (
        "no dilation, no groups and no output padding",
        lambda layer: (layer.dilation, layer.groups, layer.output_padding) == ((1, 1), 1, (0, 0)),
    ),
    nn.MaxPool2d: (
        "no dilation, no ceil_mode and no return_indices",
        lambda layer: layer.dilation in (1, (1, 1)) and not layer.ceil_mode and not layer.return_indices,
    ),
    nn.AvgPool2d: ("no ceil_mode, no divisor_override, and padding that counts", _plain_mean),
    nn.AdaptiveAvgPool2d: ("output size 1 only", lambda layer: layer.output_size in (1, (1, 1))),
    nn.BatchNorm1d: ("running statistics with a momentum", _running),
    nn.BatchNorm2d: ("running statistics with a momentum", _running),
    nn.GELU: ("no approximation", lambda layer: layer.approximate == "none"),
    nn.Softmax: ("a dim", lambda layer: layer.dim is not None),
}


def from_scratch(model: nn.Module) -> nn.Module:
    """Swap every torch layer in `model`, in place, for its from-scratch twin, and return the model.

    A model's own modules stay, and so does what they compute with torch's functions; the layers within them are
    swapped. A layer that is used twice stays shared.

    Raises:
        UserError: a layer of torch's without a twin, or one whose settings its twin does not know; nothing is swapped.
    """
    layers = [(name or "model", layer) for name, layer in model.named_modules() if _computed_by_torch(layer)]
    for name, layer in layers:
        kind = type(layer)
        if kind not in TWINS:
            raise UserError(
                f"layers=scratch: {name} is a torch {kind.__name__}, which has no from-scratch twin; use layers=torch"
            )
        limit, holds = _LIMITS.get(kind, ("", lambda layer: True))
        if not holds(layer):
            raise UserError(
                f"layers=scratch: {name} is {layer}, but the from-scratch {kind.__name__} has {limit}; use layers=torch"
            )
    for _, layer in layers:
        layer.__class__ = TWINS[type(layer)]
    return model


def _computed_by_torch(layer: nn.Module) -> bool:
    """Whether torch brings the layer or is all that it calls; a model's own class that inherits from one is neither."""
    torchs = type(layer).__module__.startswith("torch.nn.") and type(layer) not in _CONTAINERS
    return torchs or type(layer) in (DotProductAttention, AdditiveAttention)
