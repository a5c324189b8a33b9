"""Reports made by hand, one for each kind of screen."""

import math
from collections.abc import Callable
from dataclasses import replace

from reporters.builders import (
    ATOL,
    RANDOM,
    comparison,
    envelope,
    exactly,
    output_and_final,
    report,
    rounding,
    stepped,
    timestep,
    timesteps,
)

from rnncheck.model.spec import Cell, Dtype, Spec
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

SUNSPOTS = {
    "source": "csv",
    "path": "measurements/sunspots.csv",
    "columns": ["month", "sunspots"],
    "header": True,
    "sep": ",",
    "missing": "error",
}


def equivalent() -> Report:
    """The everyday run: everything agrees to rounding."""
    return report(Spec(), 12, [*output_and_final(Spec(), timesteps(range(12), 4, rounding)), stepped(Spec(), 12)])


def identical() -> Report:
    """Not a bit of difference."""
    return report(Spec(), 6, output_and_final(Spec(), timesteps(range(6), 4, exactly)))


def mismatch() -> Report:
    """A state that is not fed back: right at t = 0, wrong from then on, as a learner's first layer is."""
    spec = Spec(input_size=2, hidden_size=1)
    steps = timesteps(range(12), 1, lambda t, column: 0.11 * abs(math.sin(t)))
    return report(
        spec,
        12,
        output_and_final(spec, steps, batch=0),
        sequences=SequenceFacts((12, 1, 2), None, "zeros", {"source": "random", "seed": 42, "init": "uniform"}),
        candidate=Side("lessons/rnn.py:RNN_Scratch", "lessons/rnn.py"),
        mapping=[Mapped("waa", "weight_hh_l0", "shape"), Mapped("wax", "weight_ih_l0", "shape")],
        notes=[
            "H is 1: a transposed W_hh is the same matrix",
            "B is 1: batch rows that mix, or batch and time swapped, cannot show",
        ],
    )


def lstm_with_lengths() -> Report:
    """Two layers, both directions, rows of their own length; the reverse direction goes wrong from t = 3 down."""
    spec = Spec(cell=Cell.LSTM, input_size=5, hidden_size=6, num_layers=2, bidirectional=True)

    def reverse_is_wrong(t: int, column: int) -> float:
        return 3.4e-4 * (column - 5) * 4.0 ** (1 - t) if column >= 8 and t < 4 else rounding(t, column)

    padding = [timestep(t, [0.0] * 12, [0.0] * 12) for t in (5, 6)]
    steps = timesteps(range(5), 12, reverse_is_wrong) + padding
    final = [comparison(name, spec, timesteps([4], 6, rounding), 1) for name in ("h_n", "c_n")]
    return report(
        spec,
        7,
        [comparison("output", spec, steps, 1), *final],
        sequences=SequenceFacts((7, 3, 5), (7, 5, 2), "random", RANDOM),
    )


def long_run() -> Report:
    """Ten thousand timesteps of a file, of which a few are kept: the first, those around the divergence, the last."""
    spec = Spec(cell=Cell.GRU, input_size=2, hidden_size=8)

    def drift(t: int, column: int) -> float:
        return rounding(t, column) if t < 6130 or column != 3 else 2e-5 * (1 + (t - 6130) ** 1.2)

    kept = [*range(4), *range(6128, 6134), *range(9_998, 10_000)]
    parts = output_and_final(spec, timesteps(kept, 8, drift), 0, compared=80_000, exceeded=3_870)
    return report(
        spec,
        10_000,
        parts,
        sequences=SequenceFacts((10_000, 1, 2), None, "zeros", SUNSPOTS),
        tolerance=envelope(10_000, extent=4_096),
    )


def wide() -> Report:
    """More units than any screen has room for."""
    spec = Spec(hidden_size=64, nonlinearity="relu")
    steps = timesteps(range(6), 64, lambda t, i: 0.0421 * t if i == 37 and t > 1 else rounding(t, i))
    return report(spec, 6, output_and_final(spec, steps, batch=1))


def not_a_number() -> Report:
    """The candidate yields a NaN from t = 2 on; both sides have the same infinity in the last unit."""
    right = timesteps(range(6), 4, rounding)
    reference = [(*step.reference[:3], math.inf) for step in right]
    steps = [
        replace(step, candidate=(*step.candidate[:3], math.inf), reference=reference[step.t])
        if step.t < 2
        else Timestep(step.t, math.inf, ATOL, math.inf, 1, (0.25, math.nan, -0.5, math.inf), reference[step.t])
        for step in right
    ]
    part = replace(
        comparison("output", Spec(), right, compared=66, exceeded=4, nonfinite=6),
        max_abs=math.inf,
        max_ulp=math.nan,
        budget_used=math.inf,
        at=Place(2, 2, 1, 0, "forward"),
        candidate_value=math.nan,
        reference_value=reference[2][1],
        first_divergence=Divergence("output", 2, 0, "forward", 2, 1),
        per_timestep=tuple(steps),
    )
    return report(Spec(), 6, [part])


def wrong_shape() -> Report:
    """A final state of another shape: nothing of it can be compared, and that is a mismatch."""
    problem = "the candidate's shape is (3, 4), the reference's (1, 3, 4)"
    output = comparison("output", Spec(), timesteps(range(3), 4, rounding))
    return report(Spec(), 3, [output, Comparison("h_n", "free", problem=problem)])


def nasty_names() -> Report:
    """Names and columns from files that try to write to the terminal."""
    source = {
        "source": "csv",
        "path": "\x1b[2Jdata/[/red].csv",
        "columns": ["[/red]", "<script>", "::error::", "a\u202eb", "\x1b]0;title\x07", "日本語"],
    }
    return replace(
        identical(),
        candidate=Side("[bold]evil[/bold]\x1b[31m.py:Kl\u00e4sse", "/srv/[/]\x1b[0m"),
        mapping=[Mapped("\x1b[7mW[/]", "weight_hh_l0", "shape")],
        sequences=SequenceFacts((6, 3, 6), None, "zeros", source),
        notes=["column '[/red]' holds \x1b[5m one value only"],
    )


def inconclusive() -> Report:
    """What is not finite is the same on both sides, which proves nothing."""
    reason = (
        "18 values of output are NaN or infinite on both sides, which proves nothing; "
        "use data or weights that keep the states finite"
    )
    output = comparison("output", Spec(), timesteps(range(3), 4, rounding), compared=18, nonfinite=18)
    return report(
        Spec(),
        3,
        [output],
        verdict=Verdict.INCONCLUSIVE,
        exit_code=5,
        reason=reason,
        tolerance=ToleranceFacts("stated", 1e-4, 0.0),
    )


def chaotic() -> Report:
    """Free running passes its horizon; every step by itself is right."""
    spec = Spec(hidden_size=64)
    right = timesteps(range(6), 64, rounding)
    apart = [
        replace(step, envelope=math.inf, budget_used=0.0, exceeded=0)
        for step in timesteps(range(398, 400), 64, lambda t, column: 0.3 * math.sin(t + column))
    ]
    free = comparison("output", spec, right, compared=15_168, unjudged=61_632, per_timestep=(*right, *apart))
    final = Comparison("h_n", "free", unjudged=192)
    return report(spec, 400, [free, final, stepped(spec, 400)], tolerance=envelope(79, 1.18, 400))


def within_a_stated_tolerance() -> Report:
    """What a user allows instead of the envelope."""
    steps = timesteps(range(6), 4, rounding)
    return report(Spec(), 6, output_and_final(Spec(), steps), tolerance=ToleranceFacts("stated", 1e-4, 1e-5))


def interrupted() -> Report:
    """Ctrl-C in a run that had already parted."""
    return replace(wide(), exit_code=130, reason="stopped after 6 timesteps, before the end of the data")


def with_head() -> Report:
    """A softmax head, a projection, weights from a file with the recurrent ones scaled."""
    spec = Spec(cell=Cell.LSTM, proj_size=3, head="softmax", bias=False, dtype=Dtype.FLOAT64)
    steps = timesteps(range(5), 3, rounding)
    return report(
        spec,
        5,
        [*output_and_final(spec, steps), *(comparison(name, spec, steps) for name in ("c_n", "y"))],
        weights=WeightFacts("weights/lstm.safetensors", None, 4.0, spec.parameter_shapes()),
    )


def witnessed() -> Report:
    """A pass that would have missed a fault, and with one unit cannot show others."""
    spec = Spec(cell=Cell.LSTM, hidden_size=1)
    steps = timesteps(range(6), 1, rounding)
    transposed, one_unit = "recurrent-weight-transposed", "H is 1: a 1 by 1 matrix is its own transpose"
    hidden = [
        Unseen(transposed, "", one_unit),
        Unseen(transposed, "reshaped instead", one_unit),
        *(Unseen("gate-order", order, "all gates have the same weights") for order in ("i, f, o, g", "f, i, g, o")),
        *(Unseen("missing-bias", f"layer {layer}", "all biases are zero") for layer in range(5)),
    ]
    missed = [Unseen("gradient-detached", "", "gradients were not compared; add --backward")]
    return report(
        spec, 6, output_and_final(spec, steps), witness=Witness(planted=28, caught=27, missed=missed, hidden=hidden)
    )


def blindly_equivalent() -> Report:
    """Nothing that is wrong could show."""
    return replace(identical(), witness=Witness(0, 0, (), [Unseen("no-recurrence", "", "every state is zero")]))


def a_class_of_ones_own() -> Report:
    """More tensors than are listed, a name and an expression wider than their room, an order of gates of its own."""
    spec = Spec(cell=Cell.GRU, num_layers=5)
    own = [
        Mapped(f"{name}{layer}", f"{weight}_l{layer}[z,r,n].T", "gradient", shape)
        for layer in range(5)
        for name, weight, shape in (("W", "weight_ih", (4, 12)), ("U", "weight_hh", (4, 12)), ("b", "bias_ih", (12,)))
    ]
    head = Mapped("classifier.readout.projection.weight_of_it", "unused", "gradient", (2, 4))
    named = Mapped("bias_hh_l0", "bias_hh_l0", "name", (12,))
    long = Mapped(
        "Wb", f"cat({', '.join(f'weight_ih_l{layer}[z,r,n]' for layer in range(4))}, dim=1)", "shape", (4, 48)
    )
    return report(
        spec,
        6,
        output_and_final(spec, timesteps(range(6), 4, rounding)),
        candidate=Side("lessons/gru.py:GRU", "lessons/gru.py:3", "a layer (x, h); time first; returns output, h"),
        mapping=[long, head, *own, named],
        conventions=["its gate order is z, r, n"],
        restrictions=["it has no tensor for bias_hh_l0[n], which is zero on both sides"],
    )


def a_class_of_ones_own_that_is_wrong() -> Report:
    """What is no fault is told beside one."""
    return replace(
        mismatch(),
        conventions=["its gate order is z, r, n"],
        mapping=[Mapped("waa", "weight_hh_l0.T", "given", (1, 1))],
    )


SAMPLES: dict[str, Callable[[], Report]] = {
    make.__name__: make
    for make in (
        equivalent,
        identical,
        mismatch,
        lstm_with_lengths,
        long_run,
        wide,
        not_a_number,
        wrong_shape,
        nasty_names,
        inconclusive,
        chaotic,
        within_a_stated_tolerance,
        interrupted,
        with_head,
        witnessed,
        blindly_equivalent,
        a_class_of_ones_own,
        a_class_of_ones_own_that_is_wrong,
    )
}
