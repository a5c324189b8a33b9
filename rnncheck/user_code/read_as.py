"""How a candidate was read, in words: in one sentence, and the conventions that differ from torch.nn."""

from torch import Tensor

from rnncheck.model.spec import Cell
from rnncheck.user_code.convention import SAID, Convention, Reader, ResultReading
from rnncheck.user_code.found import Found
from rnncheck.user_code.results import Way
from rnncheck.user_code.signatures import Call
from rnncheck.user_code.sizes import Sizes

LAYOUTS = {
    "TBF": "time first",
    "BTF": "batch first",
    "FBT": "time last",
    "BFT": "x as (B, I, T)",
    "TFB": "x as (T, I, B)",
    "TB": "time first",
    "BT": "batch first",
}


def sentence(found: Found, call: Call, sizes: Sizes) -> str:
    convention, reading = found.convention, found.reading
    state = convention.state
    arguments = [call.x]
    if state is not None:
        pair = "(c, h)" if state.cell_first else "(h, c)"
        arguments.append(
            str(state.kind)
            if state.kind is not None
            else {
                "(h, c)": pair,
                "(h)": "(h,)",
                **SAID,
                "[h]": "[h, ...]",
                "[(h, c)]": "[(h, c), ...]",
                "[[(h, c)]]": "[[(h, c), (h, c)], ...]",
            }.get(state.handing, state.handing)
        )
    if convention.is_cell:
        parts = [f"a cell ({', '.join(arguments)}), wrapped in a loop"]
    else:
        parts = [f"a layer ({', '.join(arguments)})", LAYOUTS.get(convention.x_axes, "")]
    if convention.by_row:
        parts.append("unbatched, called once per batch row")
    if convention.x_form == "list":
        parts.append("x as a list of timesteps")
    if convention.x_form == "ids":
        parts.append("takes token ids, x replaces its embedding")
    if convention.enters:
        parts.append(f"x replaces what its module {convention.enters} is given")
    if state is None:
        parts.append("starts from zeros, given no initial state")
    elif sizes.spec.cell is Cell.LSTM and not state.gives_c:
        parts.append("starts from zeros, given no initial cell state")
    returned = [name for name, reader in (("output", reading.output), ("h", reading.h), ("c", reading.c)) if reader]
    if reading.tap is not None:
        parts.append(f"{', '.join(returned)} read from the {reading.tap.side} of its module {reading.tap.module}")
    else:
        parts.append(f"returns {', '.join(returned)}")
    if reading.output is None and not convention.is_cell:
        parts.append("called on every prefix of x, to see every state")
    return "; ".join(part for part in parts if part)


def decided(convention: Convention, reading: ResultReading, *, batch_first_by_default: bool) -> list[str]:
    """What differs from torch.nn, with axes as letters: L for layers and directions, 1 for an axis of size one.

    `batch_first_by_default` says that its constructor has it so, where nobody asked for it.
    """
    said = []
    if batch_first_by_default and convention.x_axes.startswith("B"):
        said.append("it is batch first by default")
    said += [f"it is called with {name}={of_ones(value)}" for name, value in convention.settled]
    if convention.by_row:
        said.append("it takes no batch, so each batch row was run by itself")
    state, x = convention.state, convention.x_axes
    if state is not None and not state.handing.startswith("[") and turned(state.axes, x):
        said.append(f"it takes the initial state as {spelled(state.axes)}")
    if state is not None and state.kind is not None:
        said.append(f"it takes its state as {state.kind}")
    if state is not None and state.handing in SAID:
        returns = " and returns" if convention.returns == state.handing else ""
        said.append(f"it takes{returns} h and c in one tensor, {state.handing}")
    elif convention.returns is not None:
        said.append(f"it returns h and c in one tensor, {convention.returns}")
    if state is not None and state.cell_first:
        said.append("it takes (c, h)")
    if reading.tap is not None:
        return said
    if reading.output is not None and not convention.is_cell and turned(reading.output.axes, x):
        said.append(f"its output is {spelled(reading.output.axes)}")
    if reading.h is not None and turned(reading.h.axes, x):
        said.append(f"it returns the last state as {spelled(reading.h.axes)}")
    if other_axes(reading) and not exchanged_axes(reading):
        assert reading.h is not None
        assert reading.c is not None
        said.append(f"it returns h as {spelled(reading.h.axes)} and c as {spelled(reading.c.axes)}")
    if before(reading.h, reading.output):
        said.append("it returns (state, output)")
    if before(reading.c, reading.h):
        said.append("it returns (c, h)")
    return said


def of_ones(value: object) -> str:
    """A settled argument in words; the only tensor among them is a mask of ones."""
    return "ones" if isinstance(value, Tensor) else repr(value)


def turned(axes: str, x_axes: str) -> bool:
    """Whether these axes have another order than those of x. The layer axis must be before the batch axis."""
    own, of_x = axes.replace("S", "T"), x_axes
    common = [each for each in own if each in of_x and each != "1"]
    layers = next((own.index(each) for each in "K1" if each in own and "T" not in own), None)
    return common != [each for each in of_x if each in own and each != "1"] or (
        layers is not None and "B" in own and own.index("B") < layers < own.find("F")
    )


def other_axes(reading: ResultReading) -> bool:
    """Whether h and c are returned with different axes."""
    h, c = reading.h, reading.c
    return reading.tap is None and h is not None and c is not None and one_axis(h.axes) != one_axis(c.axes)


def one_axis(axes: str) -> str:
    """The axes, with the axis of one layer and direction as that of several."""
    return axes.replace("1", "K")


def exchanged_axes(reading: ResultReading) -> str | None:
    """What h and c are, where the batch has another place in c than in h: nobody who hands both on means that."""
    h, c = reading.h, reading.c
    if not other_axes(reading) or h is None or c is None or sorted(one_axis(h.axes)) != sorted(one_axis(c.axes)):
        return None
    return f"h is returned as {spelled(h.axes)}, and c as {spelled(c.axes)}"


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
