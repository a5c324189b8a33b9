"""One configuration: a model and random data, as the options of `rnncheck compare` say them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from rnncheck.model.spec import Cell, Dtype, Init, InitialState, Nonlinearity, Spec

RowLengths = Literal["none", "falling", "mixed"]  # how the lengths of rows differ


@dataclass(frozen=True)
class Configuration:
    """Every option has the name that it has for `compare`, except `lengths`, of which the pattern is told.

    The lengths themselves follow from T and B, so that they stay right while a configuration shrinks.
    """

    cell: Cell = Cell.RNN
    nonlinearity: Nonlinearity = "tanh"
    input_size: int = 3
    hidden_size: int = 4
    num_layers: int = 1
    bias: bool = True
    bidirectional: bool = False
    proj_size: int = 0
    batch_first: bool = False
    dtype: Dtype = Dtype.FLOAT32
    device: str = "cpu"
    seq_len: int = 12
    batch_size: int = 3
    lengths: RowLengths = "none"
    init: Init = "normal"
    h0: InitialState = "random"
    weight_scale: float = 1.0
    seed: int = 0

    def having(self, **values: Any) -> "Configuration":
        """The same with other values."""
        return replace(self, **values)

    @property
    def possible(self) -> bool:
        """Whether there is such a layer, and no option in it is without meaning."""
        return (
            (self.cell is Cell.RNN or self.nonlinearity == "tanh")
            and (self.cell is Cell.LSTM or not self.proj_size)
            and 0 <= self.proj_size < self.hidden_size
            and (self.lengths == "none" or (self.seq_len > 1 and self.batch_size > 1))
        )

    @property
    def spec(self) -> Spec:
        return Spec(
            cell=self.cell,
            input_size=self.input_size,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            nonlinearity=self.nonlinearity if self.cell is Cell.RNN else None,
            bias=self.bias,
            batch_first=self.batch_first,
            bidirectional=self.bidirectional,
            proj_size=self.proj_size,
            dtype=self.dtype,
            device=self.device,
        )

    @property
    def row_lengths(self) -> tuple[int, ...] | None:
        """The length of each row: falling from T on, or the same in mixed order; None where all rows have T."""
        if self.lengths == "none":
            return None
        falling = [max(1, self.seq_len - row * self.seq_len // self.batch_size) for row in range(self.batch_size)]
        return tuple(falling if self.lengths == "falling" else falling[1::2] + falling[::2])

    @property
    def work(self) -> int:
        """Multiplications, about, of one run forwards; a timestep of a layer costs as much as a thousand of them."""
        directions = 1 + self.bidirectional
        width = self.input_size + self.hidden_size * (1 + (self.num_layers - 1) * (1 + directions))
        steps = self.seq_len * directions
        products = self.batch_size * self.cell.gates * self.hidden_size * width
        return steps * (1000 * self.num_layers + products)

    def options(self) -> dict[str, object]:
        """The options of `compare` that make this configuration, by name."""
        told: dict[str, object] = {each.name: getattr(self, each.name) for each in fields(self)}
        lengths = self.row_lengths
        told["lengths"] = None if lengths is None else ",".join(map(str, lengths))
        if self.cell is not Cell.RNN or self.nonlinearity == "tanh":
            told["nonlinearity"] = None
        return told


def from_options(values: Mapping[str, object]) -> Configuration:
    """The configuration that `plain` wrote down."""
    kinds = {"cell": Cell, "dtype": Dtype}
    return Configuration(**{name: kinds.get(name, lambda same: same)(value) for name, value in values.items()})  # type: ignore[arg-type]
