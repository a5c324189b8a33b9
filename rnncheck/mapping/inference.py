"""Finds out how the tensors of a candidate are filled, by running it at sizes of our choice."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from rnncheck.mapping.compose import entries
from rnncheck.mapping.expression import Zeros
from rnncheck.mapping.found import FoundMapping, MappingError
from rnncheck.mapping.gates import roles
from rnncheck.mapping.names import is_start
from rnncheck.mapping.native import Native
from rnncheck.mapping.notes import explained, unread
from rnncheck.mapping.places import placed
from rnncheck.mapping.probe import prepared, put
from rnncheck.mapping.proof import dead, too_small
from rnncheck.mapping.spare import spare
from rnncheck.model.spec import Spec
from rnncheck.model.weights import draw
from rnncheck.text import printable

Make = Callable[[Spec], Native]

# No sum or multiple of one is the other, nor the number of a cell's gates: a shape says what its axes are.
_INPUT, _HIDDEN, _PROJECTION = 5, 7, 3


def infer(make: Make, spec: Spec) -> FoundMapping:
    """The mapping of the candidate that `make` builds for a spec, at whose dtype it is run; calls must not change it.

    Raises `MappingError` when the recurrent layer's own weights find no place in it.
    """
    asked = make(spec)
    problem = MappingError("it cannot be built to be looked at")
    for attempt in _attempts(spec):
        try:
            found = replace(_infer(make(attempt)), spec=spec)
            found.values(asked, draw(spec, 0).values)
        except MappingError as error:
            problem = error
        except Exception as error:  # a stranger's class may refuse any size but its own, in any way
            problem = MappingError(f"it cannot be run to be looked at: {printable(str(error), 200)}")
            problem.__cause__ = error
        else:
            return replace(found, findings=(*too_small(found, asked), *found.findings))
    raise problem


def _attempts(spec: Spec) -> Iterator[Spec]:
    """Sizes that tell the axes apart, then those asked for."""
    tried: list[Spec] = []
    for input_size, hidden_size in (
        (_INPUT, _HIDDEN),
        (spec.input_size, _HIDDEN),
        (_INPUT, spec.hidden_size),
        *([(_HIDDEN, _HIDDEN)] if spec.input_size == spec.hidden_size else []),
        (spec.input_size, spec.hidden_size),
    ):
        projection = _PROJECTION if spec.proj_size and hidden_size == _HIDDEN else spec.proj_size
        attempt = replace(spec, input_size=input_size, hidden_size=hidden_size, proj_size=projection, device="cpu")
        if attempt not in tried:
            tried.append(attempt)
            yield attempt


def _infer(native: Native) -> FoundMapping:
    tensors, spec = native.tensors(), native.spec
    if not tensors:
        raise MappingError("it holds no tensors, so there is nothing to fill with weights")
    probe, own = prepared(native), spare(native)
    if not probe.exposes:
        raise MappingError("none of its states can be seen, so what its weights do cannot be measured")
    where, live = placed(native, probe, own)
    if probe.takes_state and not any(each.live for each in where if "h" in each.layout.kinds):
        probe = prepared(native, takes_state=False)  # h0 is perhaps ignored, and the state after a step is not
        where, live = placed(native, probe, own)
    reading = roles(native, probe, where, own)
    mapping = explained(FoundMapping(spec, entries(reading, tensors, live, own, spec)))
    _check_complete(mapping)
    _check_biases(mapping, live)
    put(native, own.made)
    notes = [*mapping.notes, *unread(mapping, live, own.trained)]
    return replace(mapping, notes=notes, findings=dead(native, mapping))


def _check_biases(mapping: FoundMapping, live: Collection[str]) -> None:
    """A bias is left out of the comparison only if nothing that the candidate reads could be it."""
    spare = [
        name
        for name, entry in mapping.entries.items()
        if name in live and isinstance(entry.expression, Zeros) and not is_start(name)
    ]
    absent = mapping.absent_biases()
    if spare and absent and mapping.spec.bias:
        raise MappingError(
            f"it reads {', '.join(map(printable, spare))}, and which bias that is cannot be told, while none of its "
            f"tensors is {', '.join(absent)}\nSay what each of its tensors holds with --mapping FILE.toml"
        )


def _check_complete(mapping: FoundMapping) -> None:
    """Something must hold the weights of at least one layer; the rest can be told apart from torch's by comparing."""
    for kind, role in (("weight_ih", "multiplies x"), ("weight_hh", "multiplies h")):
        names = [name for name in mapping.spec.recurrent_shapes() if name.startswith(kind)]
        if set(names) <= set(mapping.absent()):
            held, gates = ", ".join(printable(name) for name in mapping.entries), mapping.spec.cell.gates
            whole = f" for the {gates} gates of the {mapping.spec.cell}" if gates > 1 else ""
            raise MappingError(
                f"{names[0]} has no place in the candidate: none of its tensors ({held}) {role}{whole}\n"
                "Say what each of them holds with --mapping FILE.toml"
            )
