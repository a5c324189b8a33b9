"""The hint at `rnncheck adapt` for a layer that cannot be read."""

from rnncheck.implementations.target import names_a_file_or_module
from rnncheck.text import printable


def way_out(named: object) -> str:
    """The hint, as the last line of an error. `named` is the name of the layer, or the layer itself."""
    if isinstance(named, str) and names_a_file_or_module(named):
        return (
            f"Try 'rnncheck adapt {printable(named, 200)} -o adapted.py': it writes a wrapper and marks the lines to "
            "complete; then compare adapted.py:Adapted"
        )
    return "Wrap it in a class of a few lines with the forward(x, state) of torch.nn"
