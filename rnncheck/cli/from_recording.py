"""Takes the model and the data of a trace or ONNX file in place of options.

`trace.safetensors` holds a whole run. Read from its metadata alone, before torch is imported.
"""

from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

from rnncheck.cli.options import CheckOptions, CompareOptions
from rnncheck.errors import CannotRun, RefusedError, UsageError
from rnncheck.implementations import is_users_own, spec_in_file
from rnncheck.model.spec import Spec
from rnncheck.text import printable

if TYPE_CHECKING:
    from rnncheck.data.sequences import Sequences
    from rnncheck.implementations.protocol import KnowsItsCell

Options = TypeVar("Options", bound=CheckOptions)


def with_model_in_file(options: Options, *names: str) -> Options:
    """The options, with the model from a file that is among the `names` of both sides.

    Raises `UsageError` where an option says otherwise, and `CannotRun` for a file that cannot be read.
    """
    before: tuple[str, Spec] | None = None
    for name in names:
        spec = spec_in_file(name)
        if spec is not None:
            shown = printable(name, 200)
            if before is not None:
                refuse_two_layers(before, (shown, spec))
            options, before = settled(options, spec, shown), (shown, spec)
    return options


def refuse_two_layers(one: tuple[str, Spec], other: tuple[str, Spec]) -> None:
    """Raises `UsageError` if two files hold layers with other options."""
    (first, spec), (second, others) = one, other
    for each in (each.name for each in fields(Spec) if each.name not in ("device", "variant")):
        if (has := getattr(spec, each)) != (had := getattr(others, each)):
            raise UsageError(
                f"{first} holds a layer with {each} {has}, and {second} one with {had}; they cannot be compared"
            )


def settled(options: Options, spec: Spec, name: str) -> Options:
    """The model options of the file `name`, without its device."""
    defaults = type(options)()
    found = {}
    for each in fields(Spec):
        if each.name in ("device", "variant"):
            continue
        asked, has = getattr(options, each.name), getattr(spec, each.name)
        if str(asked) not in (str(has), str(getattr(defaults, each.name))):  # bench has sizes as text
            option = "--" + each.name.replace("_", "-")
            raise UsageError(f"{option} is {asked} and {name} has {has}; leave {option} out")
        found[each.name] = has
    return replace(options, **found)


def refuse_another_cell(own: "KnowsItsCell", name: str, spec: Spec) -> None:
    """Raises `RefusedError` if the user's own layer says that it has another cell than the file `name`."""
    try:
        cell = own.cell(spec)
    except (CannotRun, UsageError):  # nothing says which
        return
    if cell is not spec.cell:
        instead = f"; if it is {spec.cell.called}, pass --cell {spec.cell}" if is_users_own(own.name) else ""
        seems = "is read as" if instead else "is"
        raise RefusedError(f"{own.name} {seems} {cell.called}, and {name} holds {spec.cell.called}{instead}")


def refuse_other_data(options: CheckOptions, sequences: "Sequences", name: str) -> None:
    """Raises `UsageError` for options of data or weights, which a recorded run has itself."""
    if sequences.source.get("source") != "random":
        raise UsageError(f"{name} holds the data of its run and can be run on no other; use compare, without data")
    defaults = CompareOptions()
    for option in ("seq_len", "batch_size", "lengths", "init", "h0", "seed", "weights", "weight_scale"):
        if getattr(options, option, default := getattr(defaults, option)) != default:
            shown = "--" + option.replace("_", "-")
            raise UsageError(f"{shown} cannot be used with {name}, which has its own data and weights; leave it out")
