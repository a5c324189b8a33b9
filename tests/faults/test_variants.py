"""Variants as references: what is right by their own equations agrees with them, and what is not does not."""

from collections.abc import Mapping, Sequence

import pytest
import torch
from torch import Tensor

from rnncheck import check
from rnncheck.errors import RefusedError, UsageError
from rnncheck.faults.variants import variants
from rnncheck.implementations import load
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights, draw

MINIMAL = {"against": "variant:gru-minimal", "cell": "gru"}


class MinimalGRU:
    """One layer of it, written by itself: a loop over time. `wrong` leaves the forget gate out of the reset."""

    name, location = "mine", "here"

    def __init__(self, wrong: bool = False) -> None:
        self.wrong = wrong

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return "one layer, one direction" if spec.num_layers > 1 or spec.bidirectional or lengths else None

    def build(self, spec: Spec, weights: Weights) -> "MinimalGRU":
        layer = MinimalGRU(self.wrong)
        with torch.inference_mode(False):
            layer.values = {name: value.clone().requires_grad_() for name, value in weights.cast(spec).items()}
        return layer

    def parameters(self) -> Mapping[str, Tensor]:
        return {name: value.detach() for name, value in self.values.items()}

    def leaves(self) -> Mapping[str, Tensor]:
        return self.values

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        (_, w_if, w_in), (_, w_hf, w_hn) = (self.values[f"weight_{side}_l0"].chunk(3) for side in ("ih", "hh"))
        (_, b_if, b_in), (_, b_hf, b_hn) = (self.values[f"bias_{side}_l0"].chunk(3) for side in ("ih", "hh"))
        h, states = state.h[0], []
        for x_t in x:
            f = torch.sigmoid(x_t @ w_if.T + b_if + h @ w_hf.T + b_hf)
            n = torch.tanh(x_t @ w_in.T + b_in + (h if self.wrong else f * h) @ w_hn.T + b_hn)
            h = (1 - f) * h + f * n
            states.append(h)
        return Trace(torch.stack(states), State(h[None]))


@pytest.mark.slow
@pytest.mark.explained
@pytest.mark.paths
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_a_layer_written_by_itself_agrees_with_the_variant_of_its_equations(dtype: str) -> None:
    report = check(MinimalGRU(), **MINIMAL, hidden_size=5, seq_len=6, dtype=dtype)
    assert (report.verdict, report.reason) == ("equivalent", None)
    modes = {each.mode for each in report.comparisons}
    assert modes >= {"free", "lockstep", "backward"}
    assert report.witness.caught == report.witness.planted > 30


@pytest.mark.sample(1)
@pytest.mark.parametrize("candidate", [MinimalGRU(wrong=True), "torch", "fault:recurrent-weight-transposed"])
def test_a_layer_of_other_equations_does_not(candidate: object) -> None:
    assert check(candidate, **MINIMAL, diagnose=False).verdict == "mismatch"


def test_the_variant_is_no_gru_as_torch_has_it() -> None:
    report = check("variant:gru-minimal", cell="gru", diagnose=False)
    assert (report.verdict, report.candidate.location) == ("mismatch", "rnncheck.faults.variants")


@pytest.mark.sample(1)
@pytest.mark.parametrize("variant", variants(), ids=lambda variant: variant.slug)
@pytest.mark.parametrize("seed", range(3))
def test_rounding_alone_never_makes_a_variant_differ_from_itself(variant, seed: int) -> None:
    """float32 against the same equations in float64 arithmetic: lockstep's exact steps, layers and directions."""
    name = f"variant:{variant.slug}"
    spec = {"num_layers": 2, "bidirectional": True, "hidden_size": 9, "seq_len": 40, "weight_scale": 1.5}
    spec |= {"nonlinearity": variant.nonlinearity}
    report = check(name, against=name, cell=variant.cell, seed=seed, witness=False, **spec)
    assert report.verdict == "equivalent"
    assert all(each.budget_used < 0.6 for each in report.comparisons)


def test_a_variant_brings_its_cell_and_its_nonlinearity() -> None:
    for name, *spec in (("variant:ligru", "gru", None), ("variant:indrnn", "rnn", "relu")):
        report = check(name, against=name, witness=False, paths="none")
        assert report.verdict == "equivalent"
        assert [report.spec.cell, report.spec.nonlinearity] == spec


def test_another_cell_and_another_name_are_refused() -> None:
    variant = load("variant:gru-minimal")
    assert "add --cell gru" in variant.refuses(Spec(Cell.LSTM))
    with pytest.raises(RefusedError, match="uses the weights of the gru cell"):
        check("scratch", against="variant:gru-minimal", cell="lstm")
    with pytest.raises(UsageError, match="no variant is called 'gru-minimall'; did you mean gru-minimal"):
        load("variant:gru-minimall")


def test_every_variant_tells_its_equations_its_source_and_its_use() -> None:
    for each in variants():
        assert all((each.title, each.equations, each.source, each.users))
        assert load(f"variant:{each.slug}").build(Spec(each.cell), draw(Spec(each.cell), 0)).parameters()
