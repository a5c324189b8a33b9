"""Takes the model and the data of a trace or ONNX file in place of options.

`trace.safetensors` holds a whole run. Read from its metadata alone, before torch is imported.
"""

from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

from rnncheck.cli.options import CheckOptions, CompareOptions
from rnncheck.errors import CannotRun, RefusedError, UsageError
from rnncheck.implementations import is_trace, is_users_own, spec_in_file
from rnncheck.model.spec import Spec
from rnncheck.text import printable

if TYPE_CHECKING:
    from rnncheck.data.sequences import Sequences
    from rnncheck.implementations.protocol import KnowsItsCell

Options = TypeVar("Options", bound=CheckOptions)
# Options of the data and weights, which a recorded run has itself.
OF_A_RUN = ("seq_len", "batch_size", "lengths", "init", "h0", "seed", "weights", "weight_scale")


def with_model_in_file(options: Options, *names: str) -> Options:
    """The options, with the model from a file that is among the `names` of both sides.

    Raises `UsageError` where an option says otherwise, and `CannotRun` for a file that cannot be read.
    """
    before: tuple[str, Spec] | None = None
    given = options.given  # what replaces options does not know it
    for name in names:
        spec = spec_in_file(name)
        if spec is not None:
            shown = printable(name, 200)
            if is_trace(name) and (own := [each for each in OF_A_RUN if each in given]):
                raise UsageError(has_its_own(own[0], shown))
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
        said = each.name in options.given or str(asked) != str(getattr(defaults, each.name))
        if said and str(asked) != str(has):  # bench has sizes as text
            raise UsageError(contradicts(each.name, asked, has, name))
        found[each.name] = has
    return replace(options, **found)


def contradicts(option: str, asked: object, has: object, name: str) -> str:
    """That an option is not what the file `name` has."""
    flag = "--" + option.replace("_", "-")
    if isinstance(has, bool):
        asked_as = flag if asked else flag.replace("--", "--no-", 1)
        return f"{asked_as} was given and {name} has {option} {has}; leave {asked_as} out"
    return f"{flag} is {asked} and {name} has {'none' if has is None else has}; leave {flag} out"


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
    for option in OF_A_RUN:
        if getattr(options, option, default := getattr(defaults, option)) != default:
            raise UsageError(has_its_own(option, name))


def has_its_own(option: str, name: str) -> str:
    """That a recorded run takes no such option."""
    shown = "--" + option.replace("_", "-")
    return f"{shown} cannot be used with {name}, which has its own data and weights; leave it out"
