"""The spec of a recurrent layer: its sizes and switches, and the parameters that follow.

Names are `torch.nn`'s. The axes, here and everywhere: T timesteps, B batch, I input_size, H hidden_size,
L num_layers, D directions (1 or 2), R the width of one state h (proj_size if there is one, else H).
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from rnncheck.errors import UsageError

if TYPE_CHECKING:
    from rnncheck.model.variant import Semantics


class Cell(StrEnum):
    """The three recurrent cells of `torch.nn`."""

    RNN = "rnn"
    LSTM = "lstm"
    GRU = "gru"

    @property
    def called(self) -> str:
        """The cell in a sentence."""
        return "a GRU" if self is Cell.GRU else f"an {self.upper()}"

    @property
    def gates(self) -> int:
        """How many blocks of H rows its weights stack: LSTM i, f, g, o; GRU r, z, n."""
        return len(self.letters)

    @property
    def letters(self) -> str:
        """The gates in the order of their rows in the weights; of the RNN its one block."""
        return {Cell.RNN: "h", Cell.LSTM: "ifgo", Cell.GRU: "rzn"}[self]


class Dtype(StrEnum):
    """The dtypes in which a layer can run."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


Nonlinearity = Literal["tanh", "relu"]
Head = Literal["softmax"]
Init = Literal["normal", "uniform"]  # of random sequences
InitialState = Literal["random", "zeros"]


@dataclass(frozen=True)
class Spec:
    """One recurrent layer, as `torch.nn.RNN`, `LSTM` and `GRU` describe it.

    Only the RNN has a `nonlinearity` (default tanh), only the LSTM a `proj_size`.
    `head="softmax"` adds y_t = softmax(W_hy h_t + b_y), with H outputs, on top of the last layer.
    `variant` has other equations than torch.nn with the same weights; a reference that is a variant sets it.
    Raises `UsageError` for an impossible combination.
    """

    cell: Cell = Cell.RNN
    input_size: int = 3
    hidden_size: int = 4
    num_layers: int = 1
    nonlinearity: Nonlinearity | None = None
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    proj_size: int = 0
    head: Head | None = None
    dtype: Dtype = Dtype.FLOAT32
    device: str = "cpu"
    variant: "Semantics | None" = None

    def __post_init__(self) -> None:
        for name in ("input_size", "hidden_size", "num_layers"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.cell is Cell.RNN:
            object.__setattr__(self, "nonlinearity", self.nonlinearity or "tanh")
        elif self.nonlinearity is not None:
            raise UsageError(f"nonlinearity is for the rnn cell only; the {self.cell} cell has its own activations")
        if self.proj_size and self.cell is not Cell.LSTM:
            raise UsageError(f"proj_size is for the lstm cell only; the {self.cell} cell has no projection")
        if not 0 <= self.proj_size < self.hidden_size:
            raise UsageError(
                f"proj_size is {self.proj_size}; it must be at least 0 and smaller than hidden_size, "
                f"{self.hidden_size} (0 means no projection)"
            )
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout is {self.dropout}; it must be at least 0 and below 1")
        if self.dropout and self.num_layers == 1:
            raise UsageError("dropout acts between layers and num_layers is 1; raise num_layers or leave it out")

    @property
    def recurrent_count(self) -> int:
        """How many numbers the weights of the layer are, without its head."""
        return sum(map(math.prod, self.recurrent_shapes().values()))

    @property
    def count(self) -> int:
        """How many numbers all its parameters are."""
        return sum(map(math.prod, self.parameter_shapes().values()))

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def state_size(self) -> int:
        """R, the width of one state h."""
        return self.proj_size or self.hidden_size

    @property
    def output_size(self) -> int:
        """D*R, the width of the output at one timestep."""
        return self.directions * self.state_size

    def layer_input_size(self, layer: int) -> int:
        """The width of the input of layer `layer`: I for the first, the width of the outputs below for the others."""
        return self.input_size if layer == 0 else self.output_size

    def recurrent_shapes(self) -> dict[str, tuple[int, ...]]:
        """Each parameter of the layer by `torch.nn`'s name, in `torch.nn`'s order, with its shape; behind those of a
        layer and direction its variant's own.
        """
        rows, state = self.cell.gates * self.hidden_size, self.state_size
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(self.num_layers):
            for direction in range(self.directions):
                suffix = f"_l{layer}" + ("_reverse" if direction else "")
                shapes["weight_ih" + suffix] = (rows, self.layer_input_size(layer))
                shapes["weight_hh" + suffix] = (rows, state)
                if self.bias:
                    shapes["bias_ih" + suffix] = (rows,)
                    shapes["bias_hh" + suffix] = (rows,)
                if self.proj_size:
                    shapes["weight_hr" + suffix] = (self.proj_size, self.hidden_size)
                if self.variant is not None:
                    shapes |= {name + suffix: (n * self.hidden_size,) for name, n in self.variant.own.items()}
        return shapes

    def head_shapes(self) -> dict[str, tuple[int, ...]]:
        """The parameters of the head, if there is one: W_hy (H, D*R) and b_y (H)."""
        if self.head is None:
            return {}
        return {"weight_hy": (self.hidden_size, self.output_size), "bias_y": (self.hidden_size,)}

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Every parameter by name, with its shape."""
        return self.recurrent_shapes() | self.head_shapes()
