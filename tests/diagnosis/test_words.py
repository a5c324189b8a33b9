"""What a finding says: the fault in a clause, how near it comes, on how much, and how to mend it."""

import pytest
from faults.scenes import scene

from rnncheck.diagnosis import diagnose, findings
from rnncheck.faults.catalogue import by_name
from rnncheck.faults.fault import combined
from rnncheck.faults.pages import page
from rnncheck.faults.planted import Planted
from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Finding


def said(spec: Spec, *names: str, seq_len: int = 7) -> list[Finding]:
    faults = [by_name(name, spec) for name in names]
    found = diagnose(Planted("it", combined(*faults)), scene(spec, seq_len=seq_len), None)
    assert found is not None
    return findings("mine", found)


def test_a_single_fault_of_an_elman_cell_is_told_with_its_equation() -> None:
    (finding,) = said(Spec(Cell.RNN), "no-recurrence")
    assert finding.message.startswith(
        "no step reads the previous state; mine equals h_t = tanh(W_ih x_t + b_ih + b_hh)"
    )
    assert "at all 7 timesteps tried" in finding.message
    assert "fresh input" in finding.message
    assert finding.mend == page("no-recurrence").mend
    assert finding.explains == 1.0
    assert finding.variant is None


def test_the_equation_of_one_cell_is_not_told_of_another() -> None:
    (finding,) = said(Spec(Cell.GRU), "no-recurrence")
    assert "tanh(W_ih" not in finding.message
    assert "mine equals the reference once it has this fault (" in finding.message


def test_a_run_of_one_timestep_is_told_as_one() -> None:
    (finding,) = said(Spec(Cell.RNN, nonlinearity="tanh"), "missing-bias", seq_len=1)
    assert "at the one timestep tried" in finding.message


def test_which_one_of_a_family_it_is_stands_behind_it() -> None:
    (finding,) = said(Spec(Cell.LSTM), "gate-order:i,f,o,g")
    assert finding.variant == "i, f, o, g"
    assert "(i, f, o, g)" in finding.message


@pytest.mark.slow
def test_two_faults_name_each_other() -> None:
    one, other = said(Spec(Cell.GRU), "gru-reset-before-matmul", "gru-update-inverted")
    assert {one.slug, other.slug} == {"gru-reset-before-matmul", "gru-update-inverted"}
    assert other.slug in one.message
    assert one.slug in other.message
    assert one.explains == other.explains == 1.0
