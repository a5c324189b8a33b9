"""Every fact of the fold equals what a loop over single elements finds, however the data is cut."""

import math
from dataclasses import astuple, replace
from unittest import mock

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Facts, facts
from torch import Tensor

from rnncheck.evidence import differences
from rnncheck.evidence.differences import Fold, Limit
from rnncheck.evidence.places import in_output
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.model.spec import Spec
from rnncheck.report import Comparison

# Numbers of few bits: their differences, products and sums are exact in float32, so the oracle must be met exactly.
EXACT = st.integers(-16, 16).map(lambda number: number / 8)
NONFINITE = st.sampled_from([math.nan, math.inf, -math.inf])
DTYPES = st.sampled_from([torch.float64, torch.float32, torch.float16, torch.bfloat16])


@st.composite
def two_sides(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """(T, B, W) twice, alike but for a few elements."""
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(1, 4)))
    size, dtype = math.prod(shape), draw(DTYPES)
    values = draw(st.lists(EXACT | EXACT | EXACT | NONFINITE, min_size=size, max_size=size))
    reference = torch.tensor(values, dtype=dtype).view(shape)
    candidate = reference.clone()
    for place, value in draw(st.dictionaries(st.integers(0, size - 1), EXACT | NONFINITE, max_size=6)).items():
        candidate.view(-1)[place] = value
    return candidate, reference


@st.composite
def tolerances(draw: st.DrawFn) -> Tolerance:
    sizes = st.sampled_from([0.0, 2.0**-3, 0.5, 1.0, 2.0])
    return Tolerance(draw(sizes), draw(sizes))


@st.composite
def allowances(draw: st.DrawFn, shape: torch.Size) -> Limit:
    """A tolerance, or what is allowed element by element; where that is without bound nothing is judged."""
    sizes = [0.0, 2.0**-3, 0.5, 1.0, 2.0, math.inf]
    values = draw(st.none() | st.lists(st.sampled_from(sizes), min_size=shape.numel(), max_size=shape.numel()))
    return draw(tolerances()) if values is None else torch.tensor(values, dtype=torch.float64).view(shape)


def fold_in_chunks(sides: tuple[Tensor, Tensor], allowance: Limit, cuts: list[int], rows: int | None) -> Comparison:
    fold = Fold("output", in_output(Spec(hidden_size=sides[0].shape[2])), rows)
    for start, stop in zip([0, *cuts], [*cuts, len(sides[0])], strict=True):
        here = allowance[start:stop] if isinstance(allowance, Tensor) else allowance
        fold.add(*(side[start:stop] for side in sides), here)
    return fold.result()


def told(found: Comparison) -> Facts:
    if found.at is None:
        return Facts(unjudged=found.unjudged)
    first = found.first_divergence
    return Facts(
        found.max_abs,
        (found.at.t, found.at.batch, found.at.unit),
        found.budget_used,
        found.compared,
        found.exceeded,
        found.nonfinite,
        found.unjudged,
        (first.t, first.batch, first.unit) if first else None,
    )


def cuts_of(data: st.DataObject, sides: tuple[Tensor, Tensor]) -> list[int]:
    return sorted(data.draw(st.lists(st.integers(0, len(sides[0])), max_size=4), label="cuts"))


@settings(max_examples=50, deadline=None)
@given(two_sides(), st.integers(1, 20), st.data())
def test_every_fact_is_what_a_loop_over_elements_finds(
    sides: tuple[Tensor, Tensor], piece: int, data: st.DataObject
) -> None:
    allowance = data.draw(allowances(sides[0].shape), label="allowance")
    expected = facts(*sides, allowance)
    with mock.patch.object(differences, "PIECE", piece):
        found = told(fold_in_chunks(sides, allowance, cuts_of(data, sides), rows=0))
    # A budget is one division, which the oracle makes in float64 and the fold in float32.
    assert math.isclose(found.budget_used, expected.budget_used, rel_tol=2.0**-23)
    assert replace(found, budget_used=0.0) == replace(expected, budget_used=0.0)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([torch.float64, torch.float32, torch.bfloat16]),
    st.sampled_from([1e-7, 1e-5, 1e-3, 1e-45, 0.0]),
    st.sampled_from([0.0, 1.3e-6, 1e-2]),
    st.booleans(),
    st.data(),
)
def test_no_fact_depends_on_how_the_data_is_cut(
    seed: int, dtype: torch.dtype, atol: float, rtol: float, by_element: bool, data: st.DataObject
) -> None:
    """Down to the last bit, on rounding noise: what a piece is spared must never have been able to matter."""
    generator = torch.Generator().manual_seed(seed)
    reference = torch.randn(24, 2, 5, generator=generator).tanh()
    sizes = 10.0 ** torch.randint(-9, -2, (24, 1, 1), generator=generator)
    candidate = reference + sizes * torch.randn(24, 2, 5, generator=generator)
    sides, allowance = (candidate.to(dtype), reference.to(dtype)), Tolerance(atol, rtol)
    if by_element:
        allowance = Tolerance(atol, rtol).allowed(reference.double())
        allowance[torch.rand(24, 2, 5, generator=generator) < 0.2] = math.inf
    whole = fold_in_chunks(sides, allowance, [], rows=None)
    with mock.patch.object(differences, "PIECE", data.draw(st.integers(1, 60), label="piece")):
        cut = fold_in_chunks(sides, allowance, cuts_of(data, sides), rows=None)
    assert repr(astuple(cut)) == repr(astuple(whole))


@settings(deadline=None)
@given(st.floats(0.125, 0.75, width=32), st.integers(2, 6))
def test_a_difference_one_bit_larger_than_any_before_it_raises_the_budget(smallest: float, steps: int) -> None:
    rising = [torch.tensor(smallest)]
    while len(rising) < steps:
        rising.append(torch.nextafter(rising[-1], torch.tensor(1.0)))
    candidate = torch.stack(rising).view(-1, 1, 1)
    with mock.patch.object(differences, "PIECE", 1):
        found = fold_in_chunks((candidate, torch.zeros_like(candidate)), Tolerance(1.0, 0.0), [], rows=0)
    assert found.budget_used == found.max_abs == float(rising[-1])


@settings(max_examples=50, deadline=None)
@given(two_sides(), st.data())
def test_the_rows_of_the_table_add_up_to_the_facts_of_the_whole(
    sides: tuple[Tensor, Tensor], data: st.DataObject
) -> None:
    allowance = data.draw(allowances(sides[0].shape), label="allowance")
    found = fold_in_chunks(sides, allowance, [], rows=None)
    if found.at is None:
        assert found.unjudged == sides[0].numel()
        return
    steps = found.per_timestep
    assert [step.t for step in steps] == list(range(len(sides[0])))
    largest = max(step.max_abs for step in steps)  # the table also shows what is not judged
    assert largest >= found.max_abs if found.unjudged else largest == found.max_abs
    assert max(step.budget_used for step in steps) == found.budget_used
    assert sum(step.exceeded for step in steps) == found.exceeded
    for step in steps:
        for told_states, side in ((step.candidate, sides[0]), (step.reference, sides[1])):
            assert repr(told_states) == repr(tuple(side[step.t, found.shown_batch].tolist()))


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 19),
    st.integers(0, 2),
    st.integers(0, 7),
    st.floats(1e-4, 1e4) | st.floats(-1e4, -1e-4),
    st.sampled_from([Tolerance(1e-5, 0.0), torch.full((20, 3, 8), 1e-5)]),
)
def test_one_wrong_element_is_found_exactly_where_it_is(
    t: int, batch: int, column: int, error: float, allowance: Limit
) -> None:
    reference = torch.randn(20, 3, 8, generator=torch.Generator().manual_seed(1)).tanh()
    candidate = reference.clone()
    candidate[t, batch, column] += error
    fold = Fold("output", in_output(Spec(hidden_size=4, num_layers=3, bidirectional=True)))
    fold.add(candidate, reference, allowance)
    found = fold.result()
    place = {"t": t, "batch": batch, "unit": column % 4, "layer": 2, "direction": ("forward", "reverse")[column // 4]}
    assert found.at is not None
    assert vars(found.at) == place
    assert vars(found.first_divergence) == {"quantity": "output", **place}
    assert (found.exceeded, found.shown_batch) == (1, batch)
