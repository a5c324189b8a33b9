"""The conventions of a call that differ from torch.nn, which the verdict names."""

from rnncheck.user_code.convention import Convention, Reader, Reading
from rnncheck.user_code.results import Way


def decided(convention: Convention, reading: Reading, *, batch_first_by_default: bool) -> list[str]:
    """What differs from torch.nn, with axes as letters: L for layers and directions, 1 for an axis of size one.

    `batch_first_by_default` says that its constructor has it so, where nobody asked for it.
    """
    said = []
    if batch_first_by_default and convention.x_axes.startswith("B"):
        said.append("it is batch first by default")
    if convention.by_row:
        said.append("it takes no batch, so each batch row was run by itself")
    state, x = convention.state, convention.x_axes
    if state is not None and not state.handing.startswith("[") and turned(state.axes, x):
        said.append(f"it takes the initial state as {spelled(state.axes)}")
    if state is not None and state.cell_first:
        said.append("it takes (c, h)")
    if reading.tap is not None:
        return said
    if reading.output is not None and not convention.is_cell and turned(reading.output.axes, x):
        said.append(f"its output is {spelled(reading.output.axes)}")
    if reading.h is not None and turned(reading.h.axes, x):
        said.append(f"it returns the last state as {spelled(reading.h.axes)}")
    if before(reading.h, reading.output):
        said.append("it returns (state, output)")
    if before(reading.c, reading.h):
        said.append("it returns (c, h)")
    return said


def turned(axes: str, x_axes: str) -> bool:
    """Whether these axes have another order than those of x. The layer axis must be before the batch axis."""
    own, of_x = axes.replace("S", "T"), x_axes
    common = [each for each in own if each in of_x and each != "1"]
    layers = next((own.index(each) for each in "K1" if each in own and "T" not in own), None)
    return common != [each for each in of_x if each in own and each != "1"] or (
        layers is not None and "B" in own and own.index("B") < layers < own.index("F")
    )


def spelled(axes: str) -> str:
    return f"({', '.join(axes.replace('S', 'T').replace('F', 'H').replace('K', 'L'))})"


def before(one: Reader | None, other: Reader | None) -> bool:
    """Whether the first comes before the second in the result, by position."""
    if one is None or other is None:
        return False
    a, b = parting(one.way, other.way)
    return isinstance(a, int) and isinstance(b, int) and a < b


def parting(one: Way, other: Way) -> tuple[object, object]:
    return next(((a, b) for a, b in zip(one, other, strict=False) if a != b), (None, None))
