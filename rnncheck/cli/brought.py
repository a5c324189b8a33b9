"""Takes the model and the data of a trace or ONNX file in place of options.

`trace.safetensors` holds a whole run. Read from its metadata alone, before torch is imported.
"""

from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

from rnncheck.cli.options import CheckOptions, CompareOptions
from rnncheck.errors import UsageError
from rnncheck.implementations import spec_in_file
from rnncheck.model.spec import Spec
from rnncheck.text import printable

if TYPE_CHECKING:
    from rnncheck.data.sequences import Sequences

Options = TypeVar("Options", bound=CheckOptions)


def with_brought(options: Options, *names: str) -> Options:
    """The options, with the model from a file that is among the `names` of both sides.

    Raises `UsageError` where an option says otherwise, and `CannotRun` for a file that cannot be read.
    """
    for name in names:
        spec = spec_in_file(name)
        if spec is not None:
            options = settled(options, spec, printable(name, 200))
    return options


def settled(options: Options, spec: Spec, name: str) -> Options:
    """The model options of the file `name`, without its device."""
    defaults = type(options)()
    found = {}
    for each in fields(Spec):
        if each.name in ("device", "variant"):
            continue
        asked, has = getattr(options, each.name), getattr(spec, each.name)
        if asked not in (has, getattr(defaults, each.name)):
            option = "--" + each.name.replace("_", "-")
            raise UsageError(f"{option} is {asked} and {name} has {has}; leave {option} out")
        found[each.name] = has
    return replace(options, **found)


def refuse_other_data(options: CheckOptions, sequences: "Sequences", name: str) -> None:
    """Raises `UsageError` for options of data or weights, which a recorded run has itself."""
    if sequences.source.get("source") != "random":
        raise UsageError(f"{name} holds the data of its run and can be run on no other; use compare, without data")
    defaults = CompareOptions()
    for option in ("seq_len", "batch_size", "lengths", "init", "h0", "seed", "weights", "weight_scale"):
        if getattr(options, option, default := getattr(defaults, option)) != default:
            shown = "--" + option.replace("_", "-")
            raise UsageError(f"{shown} cannot be used with {name}, which has its own data and weights; leave it out")
