"""Recurrent layers: a state that every token of a sequence changes, the same function at each place.

RNN   hₜ = tanh(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh)                                (Elman, 1990)
GRU   r, z = σ(…)   n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn))   h ← (1 − z) ⊙ n + z ⊙ h   (Cho et al., 2014)
LSTM  i, f, o = σ(…)   g = tanh(…)   c ← f ⊙ c + i ⊙ g   h = o ⊙ tanh(c)           (Hochreiter, Schmidhuber, 1997)

"…" is the sum in the brackets of the first line, with weights of its own for each gate; torch keeps those of all gates
in one matrix, one below the other: r, z, n and i, f, g, o. What comes from the inputs depends on no earlier state, so
it is one product for the whole sequence; what comes from the state is one more for each token.

A deeper layer reads the outputs of the one below it. A second direction reads the sequence from its end, with weights
of its own, and a place's output is that of both, side by side.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dl_runner.layers.scratch.activations import relu, sigmoid, tanh
from dl_runner.layers.scratch.dropout import dropout
from dl_runner.layers.scratch.linear import linear

State = tuple[Tensor, ...]  # (h,), or (h, c) of an LSTM; (batch, hidden) each
Step = Callable[[Tensor, Tensor, State], State]


def rnn_step(inputs: Tensor, recurrent: Tensor, _state: State) -> State:
    """The state after a token: of W_ih x + b_ih and W_hh h + b_hh, (batch, gates · hidden) both."""
    return (tanh(inputs + recurrent),)


def relu_step(inputs: Tensor, recurrent: Tensor, _state: State) -> State:
    """As `rnn_step`, with max(0, x) for tanh."""
    return (relu(inputs + recurrent),)


def gru_step(inputs: Tensor, recurrent: Tensor, state: State) -> State:
    """As `rnn_step`: z says how much of the state stays, r how much of it the candidate n sees."""
    (hidden,) = state
    (r, z, n), (of_r, of_z, of_n) = inputs.chunk(3, -1), recurrent.chunk(3, -1)
    reset, update = sigmoid(r + of_r), sigmoid(z + of_z)
    candidate = tanh(n + reset * of_n)
    return ((1 - update) * candidate + update * hidden,)


def lstm_step(inputs: Tensor, recurrent: Tensor, state: State) -> State:
    """As `rnn_step`: the cell c forgets by f and takes in g by i; o says what of it is seen."""
    _, cell = state
    i, f, g, o = (inputs + recurrent).chunk(4, -1)
    cell = sigmoid(f) * cell + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(cell), cell


def read(x: Tensor, state: State, step: Step, weights: list[Tensor], backward: bool = False) -> tuple[Tensor, State]:
    """One layer reads a sequence in one direction.

    Args:
        x: (length, batch, inputs).
        weights: W_ih (gates · hidden, inputs), W_hh (gates · hidden, hidden), and b_ih, b_hh (gates · hidden,) if any.
        backward: from the end to the beginning.

    Returns:
        h at each place, (length, batch, hidden), and the state after the last token that was read.
    """
    to_input, to_hidden, of_input, of_hidden = (*weights, None, None)[:4]
    inputs = linear(x, to_input, of_input).unbind(0)
    outputs = []
    for one in reversed(inputs) if backward else inputs:
        state = step(one, linear(state[0], to_hidden, of_hidden), state)
        outputs.append(state[0])
    return torch.stack(outputs[::-1] if backward else outputs), state


class _ScratchRecurrent:
    """Mixed into torch's recurrent layers, which hold the parameters; for sequences of one length, batched."""

    step: Step
    kinds = 1  # tensors of a state

    def forward(self, x: Tensor, state: Tensor | State | None = None) -> tuple[Tensor, Tensor | State]:
        """As torch's: x (length, batch, inputs), or the batch first; states (layers · directions, batch, hidden).

        Raises:
            ValueError: x is a packed sequence, or has no batch.
        """
        if not isinstance(x, Tensor) or x.ndim != 3:
            raise ValueError("a from-scratch recurrent layer takes a tensor (length, batch, inputs), nothing packed")
        if self.batch_first:
            x = x.transpose(0, 1)
        directions = 1 + self.bidirectional
        if state is None:
            zeros = x.new_zeros(self.num_layers * directions, x.shape[1], self.hidden_size)
            state = (zeros,) * self.kinds
        before = list(zip(*(state if isinstance(state, tuple) else (state,)), strict=True))  # for each layer, direction
        after: list[State] = []
        for layer in range(self.num_layers):
            sides = []
            for backward in range(directions):
                place = layer * directions + backward
                outputs, last = read(x, before[place], self.step, self.all_weights[place], bool(backward))
                sides.append(outputs)
                after.append(last)
            x = torch.cat(sides, -1)
            if self.training and self.dropout > 0 and layer + 1 < self.num_layers:
                x = dropout(x, self.dropout)
        together = tuple(torch.stack(kind) for kind in zip(*after, strict=True))
        return (x.transpose(0, 1) if self.batch_first else x), (together if self.kinds > 1 else together[0])


class ScratchRNN(_ScratchRecurrent, nn.RNN):
    """`nn.RNN`, computed by `rnn_step`, or `relu_step` for that nonlinearity."""

    @property
    def step(self) -> Step:
        return rnn_step if self.nonlinearity == "tanh" else relu_step


class ScratchGRU(_ScratchRecurrent, nn.GRU):
    """`nn.GRU`, computed by `gru_step`."""

    step = staticmethod(gru_step)


class ScratchLSTM(_ScratchRecurrent, nn.LSTM):
    """`nn.LSTM`, computed by `lstm_step`."""

    step = staticmethod(lstm_step)
    kinds = 2
