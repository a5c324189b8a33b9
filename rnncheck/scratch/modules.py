"""`RNN`, `LSTM` and `GRU` with the constructor, call, results and state_dict of `torch.nn`."""

import math
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnncheck.model.spec import Cell, Nonlinearity, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.scratch.backward import BackwardNetwork
from rnncheck.scratch.checks import Hidden, check_arguments, check_hidden, check_input
from rnncheck.scratch.fast_path import InPlaceNetwork

MaybeState = TypeVar("MaybeState", State, State | None)


def unpack(packed: PackedSequence) -> tuple[Tensor, Tensor]:
    """x (T, B, I), padded with zeros, and the lengths (B) of its rows; the longest row first, as packed."""
    in_packed_order = PackedSequence(packed.data, packed.batch_sizes)
    return pad_packed_sequence(in_packed_order)


def pack_like(packed: PackedSequence, output: Tensor, lengths: Tensor) -> PackedSequence:
    """The rows of output (T, B, D*R), packed like `packed`."""
    data = pack_padded_sequence(output, lengths).data
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)


def permute_rows(state: MaybeState, order: Tensor | None) -> MaybeState:
    """The states with the batch rows in another order: that of the caller, or the longest first."""
    if state is None or order is None:
        return state
    return state.map(lambda each: each.index_select(1, order))


TensorOrPacked = TypeVar("TensorOrPacked", Tensor, PackedSequence)


class RecurrentLayer(torch.nn.Module):
    """The base of `RNN`, `LSTM` and `GRU`. Parameters have `torch.nn`'s names, shapes, order and initial values."""

    weight_ih_l0: Tensor

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        nonlinearity: Nonlinearity | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers, "proj_size": proj_size}
        switches = {"bias": bias, "batch_first": batch_first, "bidirectional": bidirectional}
        check_arguments(sizes, switches, dropout)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.bidirectional = bias, batch_first, bidirectional
        self.dropout, self.proj_size = float(dropout), proj_size
        self.spec = Spec(
            cell,
            input_size,
            hidden_size,
            num_layers,
            nonlinearity,
            bias,
            bidirectional=bidirectional,
            proj_size=proj_size,
        )
        shapes = self.spec.recurrent_shapes()
        for name, shape in shapes.items():
            self.register_parameter(name, torch.nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self._names = tuple(shapes)
        self._networks = BackwardNetwork(self.spec), InPlaceNetwork(self.spec)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws every parameter from U(-1/sqrt(H), 1/sqrt(H)), in order: as `torch.nn` for the same seed."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            torch.nn.init.uniform_(parameter, -bound, bound)

    def forward(self, input: TensorOrPacked, hx: Hidden | None = None) -> tuple[TensorOrPacked, Hidden]:
        """Runs the layer over whole sequences.

        input is (T, B, I), or (B, T, I) with batch_first, or (T, I) for one sequence, or a `PackedSequence`. hx is
        h (L*D, B, R), or for the LSTM (h, c) with c (L*D, B, H); (L*D, R) and (L*D, H) for one sequence; default zeros.
        Returns the states of the last layer in the layout of the input, D*R wide, and the final states in that of hx.
        Raises `ValueError` or `RuntimeError` for shapes and dtypes that do not fit.
        """
        return self._packed(input, hx) if isinstance(input, PackedSequence) else self._padded(input, hx)

    def _padded(self, x: Tensor, hx: Hidden | None) -> tuple[Tensor, Hidden]:
        check_input(x, (2, 3), self.input_size, self.weight_ih_l0.dtype)
        one, batch_first = x.dim() == 2, self.batch_first and x.dim() == 3
        x = x.unsqueeze(1) if one else x.transpose(0, 1) if batch_first else x  # (T, B, I)
        if not x.shape[0]:
            raise RuntimeError("input has no timesteps; a recurrent layer needs a sequence longer than 0")
        state = None if hx is None else self._state(hx, () if one else (x.shape[1],), x.dtype)
        if state is not None and one:
            state = state.map(lambda each: each.unsqueeze(1))
        trace = self._run(x, state)
        output, final = trace.output, trace.final
        if one:
            output, final = output.squeeze(1), final.map(lambda each: each.squeeze(1))
        return output.transpose(0, 1) if batch_first else output, final.h if final.c is None else (final.h, final.c)

    def _packed(self, packed: PackedSequence, hx: Hidden | None) -> tuple[PackedSequence, Hidden]:
        check_input(packed.data, (2,), self.input_size, self.weight_ih_l0.dtype)
        x, lengths = unpack(packed)
        state = None if hx is None else self._state(hx, (x.shape[1],), x.dtype)
        trace = self._run(x, permute_rows(state, packed.sorted_indices), lengths)
        final = permute_rows(trace.final, packed.unsorted_indices)
        return pack_like(packed, trace.output, lengths), final.h if final.c is None else (final.h, final.c)

    def _run(self, x: Tensor, state: State | None, lengths: Tensor | None = None) -> Trace:
        """Runs `Network` if gradients or autocast are on, otherwise the in-place network."""
        in_place = not (torch.is_grad_enabled() or torch.is_autocast_enabled(x.device.type))
        weights = {name: getattr(self, name) for name in self._names}
        return self._networks[in_place].run(weights, x, state, lengths, self.dropout if self.training else 0.0)

    def _state(self, hx: Hidden, batch: tuple[int, ...], dtype: torch.dtype) -> State:
        rows = (self.num_layers * self.spec.directions, *batch)
        shapes = {"h0": (*rows, self.spec.state_size)}
        if self.spec.cell is Cell.LSTM:
            shapes["c0"] = (*rows, self.hidden_size)
        return State(*check_hidden(hx, shapes, dtype))

    def extra_repr(self) -> str:
        """The sizes, and arguments that differ from their defaults, as `torch.nn` prints them."""
        defaults: dict[str, Any] = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False,
        }  # fmt: skip
        changed = [f"{name}={getattr(self, name)}" for name, value in defaults.items() if getattr(self, name) != value]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])


class RNN(RecurrentLayer):
    """Elman's network, h_t = f(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh) with f tanh or relu, in layers.

    input (T, B, I) and h0 (L*D, B, H) to output (T, B, D*H) and h_n (L*D, B, H); `RecurrentLayer.forward` has the other
    layouts. Raises `ValueError` for an unknown nonlinearity or an impossible size, `TypeError` for one that is no int.
    Source: Elman 1990; `torch.nn.RNN`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: Nonlinearity = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity is {nonlinearity!r}; it must be 'tanh' or 'relu'")
        super().__init__(
            Cell.RNN, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            nonlinearity=nonlinearity, device=device, dtype=dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity


class LSTM(RecurrentLayer):
    """Long short-term memory, in layers: `cells.lstm` has the equations.

    input (T, B, I) and (h0 (L*D, B, R), c0 (L*D, B, H)) to output (T, B, D*R) and (h_n, c_n), where R is proj_size if
    there is one and else H; `RecurrentLayer.forward` has the other layouts. Raises `ValueError` for an impossible size,
    `TypeError` for one that is no int.
    Source: Hochreiter & Schmidhuber 1997, Gers et al. 2000, Sak et al. 2014 for the projection; `torch.nn.LSTM`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            Cell.LSTM, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
            device=device, dtype=dtype,
        )  # fmt: skip


class GRU(RecurrentLayer):
    """Gated recurrent units, in layers: `cells.gru` has the equations.

    input (T, B, I) and h0 (L*D, B, H) to output (T, B, D*H) and h_n (L*D, B, H); `RecurrentLayer.forward` has the other
    layouts. Raises `ValueError` for an impossible size, `TypeError` for one that is no int.
    Source: Cho et al. 2014, reset after the matrix product; `torch.nn.GRU`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            Cell.GRU, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            device=device, dtype=dtype,
        )  # fmt: skip
