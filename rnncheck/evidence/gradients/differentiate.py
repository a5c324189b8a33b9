"""Runs one side forward and backward: the gradients of a projection of all its results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from rnncheck.errors import RnncheckError
from rnncheck.implementations.protocol import Blames, Layer
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace, dtype_of

INPUTS = ("x", "h0", "c0")


@dataclass(frozen=True)
class BackwardRun:
    """The inputs of both sides: x (T, B, I), the states (L*D, B, ·) and lengths. Each side gets copies.

    `unexposed` results, of "output", "h_n" and "c_n", are left out of the loss; gradients by `withheld` inputs are not
    computed.
    """

    spec: Spec
    x: Tensor
    state: State
    lengths: tuple[int, ...] | None = None
    unexposed: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset()

    @property
    def ends(self) -> Sequence[int]:
        """How many timesteps each row has."""
        return self.lengths or (len(self.x),) * self.x.shape[1]

    def copies(self) -> dict[str, Tensor]:
        """x, h0 and for the LSTM c0, as leaves at the spec's dtype, on its device."""
        given = zip(INPUTS, (self.x, self.state.h, self.state.c), strict=True)
        dtype = dtype_of(self.spec)
        return {
            name: value.to(self.spec.device, dtype, copy=True).requires_grad_()
            for name, value in given
            if value is not None
        }


@dataclass(frozen=True)
class Derived:
    """The gradients of one side by name, on the host; None for an input that gets no gradient.

    `unregistered` are the weights that are not among its parameters, `cut_off` the results without a gradient, and
    `problem` says why there is no gradient at all, and `plain` that they were taken by `backward()`.
    """

    gradients: Mapping[str, Tensor | None] = field(default_factory=dict)
    unregistered: Sequence[str] = ()
    cut_off: Sequence[str] = ()
    problem: str | None = None
    plain: bool = False


PLAIN_ALONE = "use_reentrant=True"  # in what torch raises for any other backward than a plain one
NOT_PLAIN = "torch's reentrant checkpoint permits plain backward() alone"


def differentiate(layer: Layer, run: BackwardRun, projection: Trace, *, plain: bool = False) -> Derived:
    """The gradients of sum(projection * trace) over output, h_n and c_n. The head's y is left out.

    A `RuntimeError` of the layer or of autograd becomes `problem`, because the layer ran without gradients. `plain`
    takes the gradients by `backward()`, and so they are taken where others are missing: a backward that calls another,
    as a reentrant checkpoint does, leaves them in `.grad` alone.
    """
    try:
        found = _differentiate(layer, run, projection, plain)
        if plain or found.problem or not missing(found):
            return found
        try:
            by_backward = _differentiate(layer, run, projection, plain=True)
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError:
            return found
        return by_backward if missing(by_backward) < missing(found) else found
    except (torch.cuda.OutOfMemoryError, MemoryError, RnncheckError):
        raise
    except Exception as error:  # a backward that the user wrote may raise any
        if PLAIN_ALONE in str(error) and not plain:
            return differentiate(layer, run, projection, plain=True)
        if isinstance(layer, Blames) and (blamed := layer.blamed(error)):
            raise blamed from error
        if not isinstance(error, RuntimeError):
            raise
        first_line = (str(error) or type(error).__name__).splitlines()[0]
        return Derived(problem=f"it cannot be differentiated: {first_line}")


def missing(found: Derived) -> int:
    return sum(each is None for each in found.gradients.values())


def _differentiate(layer: Layer, run: BackwardRun, projection: Trace, plain: bool) -> Derived:
    # Leaves the caller's mode, because a tensor made in inference mode can never be differentiated.
    with torch.inference_mode(False), torch.enable_grad():
        parameters = layer.leaves() or {}
        inputs = run.copies()
        # What a layer writes into its input must not be an error of a leaf: it is given a copy.
        x, h, *c = (leaf.clone() for leaf in inputs.values())
        results = quantities(layer.run(x, State(h, *c), run.lengths))
        wanted = {name: value for name, value in quantities(projection).items() if name not in run.unexposed}
        for name, value in wanted.items():
            if name not in results or results[name].shape != value.shape:
                return Derived(problem=f"it returns {name} in another shape, so no gradient of it can be compared")
        attached = [name for name in wanted if results[name].requires_grad]
        leaves = inputs | {name: leaf for name, leaf in parameters.items() if leaf.requires_grad}
        found: Sequence[Tensor | None] = [None] * len(leaves)
        if attached:
            # As one number: torch imports sympy, which takes half a second, to check the shapes of grad_outputs.
            parts = [(results[name] * wanted[name].to(results[name])).sum() for name in attached]
            total = torch.stack(parts).sum()
            every = list(leaves.values())
            found = from_backward(total, every) if plain else torch.autograd.grad(total, every, allow_unused=True)
    names = [name for name in (*inputs, *run.spec.recurrent_shapes()) if name not in run.withheld]
    arrived = {name: each.cpu() for name, each in zip(leaves, found, strict=True) if each is not None}
    return Derived(
        {name: arrived.get(name) for name in names},
        [name for name in run.spec.recurrent_shapes() if name not in parameters and name not in run.withheld],
        [name for name in wanted if name not in attached],
        plain=plain,
    )


def from_backward(total: Tensor, leaves: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradients that `backward()` leaves in `.grad` of the leaves, which is then as before."""
    before = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    try:
        total.backward()  # type: ignore[no-untyped-call]
        return [leaf.grad for leaf in leaves]
    finally:
        for leaf, held in zip(leaves, before, strict=True):
            leaf.grad = held


def quantities(trace: Trace) -> dict[str, Tensor]:
    """The quantities in the loss, by name."""
    every = {"output": trace.output, "h_n": trace.final.h, "c_n": trace.final.c}
    return {name: value for name, value in every.items() if value is not None}


def random_projection(run: BackwardRun, seed: int) -> Trace:
    """Normal numbers in the shapes of the run's output and final states: a sum or a mean would hide faults."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(dtype_of(run.spec)).double()

    drawn = shaped(run, normal)
    for name, value in quantities(drawn).items():
        if name in run.unexposed:
            value.zero_()
    return drawn


def shaped(run: BackwardRun, fill: Callable[..., Tensor]) -> Trace:
    """A trace with the shapes of the run, filled by `fill(*shape)`."""
    output = fill(*run.x.shape[:2], run.spec.output_size)
    return Trace(output, run.state.map(lambda each: fill(*each.shape)))


SIZE = 3.0  # of a disturbance: as large as any number that is usually given
SEED = 11


def final_states_move(layer: Layer, run: BackwardRun, other: BackwardRun, k: int) -> bool:
    """Whether the last states of layer and direction k differ between two runs of one layer."""
    one, another = (results(layer, each) for each in (run, other))
    return any(not torch.equal(one[name][k], another[name][k]) for name in one if name != "output")


def moving(layer: Layer, run: BackwardRun) -> set[str]:
    """The names of the results that depend on some input."""
    other = replace(with_other_states(run, slice(None)), x=disturbed(run.x))
    one, another = (results(layer, each) for each in (run, other))
    return {name for name, value in one.items() if not torch.equal(value, another[name])}


def with_other_x(run: BackwardRun, steps: slice, row: int) -> BackwardRun:
    """The run with other values of x at these timesteps of one row."""
    x = run.x.clone()
    x[steps, row] = disturbed(run.x)[steps, row]
    return replace(run, x=x)


def with_other_states(run: BackwardRun, which: int | slice) -> BackwardRun:
    """The run from other initial states of these layers and directions."""

    def other(state: Tensor) -> Tensor:
        changed = state.clone()
        changed[which] = disturbed(state)[which]
        return changed

    return replace(run, state=run.state.map(other))


def disturbed(value: Tensor) -> Tensor:
    drawn = torch.randn(value.shape, generator=torch.Generator().manual_seed(SEED), dtype=value.dtype)
    return value + SIZE * drawn


def results(layer: Layer, run: BackwardRun) -> dict[str, Tensor]:
    with torch.inference_mode(False), torch.no_grad():
        x, h, *c = (value.detach() for value in run.copies().values())
        return quantities(layer.run(x, State(h, *c), run.lengths))
