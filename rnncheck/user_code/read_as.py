"""How a candidate was read, in one sentence."""

from rnncheck.model.spec import Cell
from rnncheck.user_code.found import Found
from rnncheck.user_code.signatures import Call
from rnncheck.user_code.sizes import Sizes

LAYOUTS = {"TBF": "time first", "BTF": "batch first", "FBT": "time last", "TB": "time first", "BT": "batch first"}


def sentence(found: Found, call: Call, sizes: Sizes) -> str:
    convention, reading = found.convention, found.reading
    state = convention.state
    arguments = [call.x]
    if state is not None:
        pair = "(c, h)" if state.cell_first else "(h, c)"
        arguments.append(
            {"h": "h", "h, c": "h, c", "(h, c)": pair, "[h]": "[h, ...]"}.get(state.handing, "[(h, c), ...]")
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
    if state is None:
        parts.append("takes no initial state and starts from zeros")
    elif sizes.spec.cell is Cell.LSTM and state.handing in ("h", "[h]"):
        parts.append("takes no initial cell state and starts from zeros")
    returned = [name for name, reader in (("output", reading.output), ("h", reading.h), ("c", reading.c)) if reader]
    if reading.tap is not None:
        parts.append(f"{', '.join(returned)} read from the {reading.tap.side} of its module {reading.tap.module}")
    else:
        parts.append(f"returns {', '.join(returned)}")
    if reading.output is None and not convention.is_cell:
        parts.append("called on every prefix of x, to see every state")
    return "; ".join(part for part in parts if part)
