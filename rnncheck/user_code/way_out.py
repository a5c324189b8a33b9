"""The hint at a wrapper for a layer that cannot be read."""

from rnncheck.implementations.target import names_a_file_or_module
from rnncheck.text import printable
from rnncheck.user_code.jax_code import written_in_jax

IN_JAX = (
    "Write a module of flax or equinox around it, or a function of its parameters, that takes x and the initial state "
    "and returns every output and the last state; examples/jax has some"
)


def way_out(named: object, thing: object) -> str:
    """The hint, as the last line of an error. `named` is the name of the layer, or the layer itself: `thing`."""
    if written_in_jax(thing):
        return IN_JAX
    if isinstance(named, str) and names_a_file_or_module(named):
        return (
            f"Try 'rnncheck adapt {printable(named, 200)} -o adapted.py': it writes a wrapper and marks the lines to "
            "complete; then compare adapted.py:Adapted"
        )
    return "Wrap it in a class of a few lines with the forward(x, state) of torch.nn"
