"""Reports for hypothesis to draw: any sizes, any numbers, any names. They need not make sense, only be shown."""

import math

from hypothesis import strategies as st
from reporters.builders import ENVIRONMENT

from rnncheck.model.spec import Cell, Spec
from rnncheck.report import (
    Comparison,
    Divergence,
    Mapped,
    Place,
    Report,
    SequenceFacts,
    Side,
    Timestep,
    ToleranceFacts,
    Unseen,
    Verdict,
    WeightFacts,
    Witness,
)

anything = st.floats()
amounts = st.floats(min_value=0) | st.just(math.nan)
names = st.text(max_size=50)


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    cell = draw(st.sampled_from(Cell))
    return Spec(
        cell=cell,
        input_size=draw(st.integers(1, 3)),
        hidden_size=draw(st.integers(1, 5) | st.just(2048)),
        num_layers=draw(st.integers(1, 3)),
        bias=draw(st.booleans()),
        bidirectional=draw(st.booleans()),
        head=draw(st.sampled_from([None, "softmax"])),
    )


@st.composite
def timesteps(draw: st.DrawFn, seq_len: int, width: int) -> list[Timestep]:
    kept = sorted(draw(st.sets(st.integers(0, seq_len - 1), max_size=4)))
    few = st.lists(anything, min_size=3, max_size=3)

    def states() -> tuple[float, ...]:  # three drawn numbers, over and over
        return tuple((draw(few) * math.ceil(width / 3))[:width])

    return [
        Timestep(t, draw(amounts), draw(amounts), draw(amounts), draw(st.integers(0, 9)), states(), states())
        for t in kept
    ]


@st.composite
def comparisons(draw: st.DrawFn, quantity: str, spec: Spec, seq_len: int, batch: int) -> Comparison:
    if draw(st.integers(0, 9)) == 0:
        return Comparison(quantity, "free", problem="the candidate's shape is (3, 4), the reference's (1, 3, 4)")
    unjudged = draw(st.sampled_from([0, 0, 10**9]))
    if draw(st.integers(0, 9)) == 0:
        return Comparison(quantity, "free", unjudged=unjudged)
    width = spec.output_size if quantity == "output" else spec.hidden_size
    place = Place(
        draw(st.integers(0, seq_len - 1)),
        draw(st.integers(0, batch - 1)),
        draw(st.integers(0, spec.state_size - 1)),
        spec.num_layers - 1,
        draw(st.sampled_from(["forward", "reverse"][: spec.directions])),
    )
    first = Divergence(quantity, place.t, place.layer, place.direction, place.batch, place.unit)
    return Comparison(
        quantity,
        draw(st.sampled_from(["free", "lockstep"])),
        max_abs=draw(amounts),
        max_ulp=draw(amounts),
        envelope_at_max=draw(amounts),
        budget_used=draw(amounts),
        at=place,
        candidate_value=draw(anything),
        reference_value=draw(anything),
        compared=draw(st.integers(1, 10**9)),
        exceeded=draw(st.integers(0, 10**9)),
        nonfinite=draw(st.sampled_from([0, 0, 12])),
        unjudged=unjudged,
        first_divergence=draw(st.sampled_from([None, first])),
        shown_batch=place.batch,
        per_timestep=tuple(draw(timesteps(seq_len, width))) if quantity in ("output", "y") else (),
    )


@st.composite
def tolerances(draw: st.DrawFn) -> ToleranceFacts:
    if draw(st.booleans()):
        return ToleranceFacts("stated", draw(amounts), draw(amounts))
    if draw(st.booleans()):
        return ToleranceFacts("envelope")
    steps = st.integers(0, 10**9)
    return ToleranceFacts("envelope", None, None, draw(st.integers(2, 64)), draw(steps), draw(amounts), draw(steps))


unseen = st.lists(st.builds(Unseen, names, names, names), max_size=15)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    spec = draw(specs())
    seq_len, batch = draw(st.integers(1, 5) | st.just(1_000_000)), draw(st.integers(1, 3))
    quantities = ["output", "h_n", *(["c_n"] if spec.cell is Cell.LSTM else []), *(["y"] if spec.head else [])]
    parts = [draw(comparisons(quantity, spec, seq_len, batch)) for quantity in quantities]
    verdict = draw(st.sampled_from(Verdict))
    lengths = tuple(draw(st.integers(1, seq_len)) for _ in range(batch))
    return Report(
        verdict=verdict,
        exit_code=verdict.exit_code,
        reason=draw(st.none() | names),
        spec=spec,
        sequences=SequenceFacts(
            (seq_len, batch, spec.input_size),
            draw(st.sampled_from([None, lengths])),
            draw(st.sampled_from(["zeros", "random"])),
            {"source": "csv", "path": draw(names), "columns": draw(st.lists(names, max_size=12))},
        ),
        candidate=Side(draw(names), draw(names)),
        reference=Side(draw(names), draw(names)),
        environment={**ENVIRONMENT, draw(names): draw(names)},
        weights=WeightFacts(draw(names), draw(st.none() | st.integers(0, 9)), draw(anything), spec.parameter_shapes()),
        tolerance=draw(tolerances()),
        mapping=[Mapped(draw(names), draw(names), "shape", draw(st.sampled_from([None, (), (4,), (16, 3)])))],
        conventions=draw(st.lists(names, max_size=2)),
        restrictions=draw(st.lists(names, max_size=2)),
        comparisons=parts,
        first_divergence=next((each.first_divergence for each in parts if each.first_divergence), None),
        witness=draw(st.none() | st.builds(Witness, st.integers(0, 99), st.integers(0, 99), unseen, unseen)),
        notes=draw(st.lists(names, max_size=2)),
    )
