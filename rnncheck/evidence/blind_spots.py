"""Bugs that these inputs would hide."""

from torch import Tensor

from rnncheck.model.spec import Spec
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights

SATURATED = 1 - 2.0**-10


def blind_spots(
    spec: Spec,
    weights: Weights,
    state: State,
    seq_len: int,
    batch_size: int,
    output: Tensor | None = None,
    *,
    witnessed: bool = False,
) -> list[str]:
    """One sentence for each kind of bug that these inputs would hide. `output` is that of the layer, if known.

    If faults were planted (`witnessed`), those that cannot show are not listed again.
    """
    spots = []
    if output is not None and spec.nonlinearity == "tanh" and bool((output.abs() > SATURATED).all()):
        spots.append("every state is at 1 or -1, where tanh is flat and hides differences: scale the data down")
    if output is not None and not output.any():
        spots.append("every state is zero: no fault of the layer can show")
    if witnessed:
        return spots
    if seq_len == 1:
        spots.append("T is 1: only the first step of the recurrence is run")
    if batch_size == 1:
        spots.append("B is 1: batch rows that mix, or batch and time swapped, cannot show")
    if spec.hidden_size == 1:
        spots.append("H is 1: a transposed W_hh is the same matrix")
    if not state.h.any():
        spots.append("h0 is zero: a layer that ignores its initial state cannot show")
    biases = [value for name, value in weights.values.items() if name.startswith("bias")]
    if biases and not any(bias.any() for bias in biases):
        spots.append("all biases are zero: a lost or misplaced bias cannot show")
    constant = [name for name, value in weights.values.items() if value.dim() > 1 and value.numel() > 1 and same(value)]
    if constant:
        spots.append(f"{', '.join(constant)} holds one value only: swapped or transposed weights cannot show")
    return spots


def same(value: Tensor) -> bool:
    return bool((value == value.flatten()[0]).all())
