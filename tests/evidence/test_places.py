"""An index of a tensor becomes a timestep, a batch row, a unit, a layer and a direction."""

from rnncheck.evidence.places import in_final_state, in_head, in_output
from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Place

SPEC = Spec(cell=Cell.LSTM, hidden_size=4, num_layers=3, bidirectional=True, proj_size=2)


def test_the_output_has_the_forward_units_first_and_is_the_last_layers() -> None:
    place = in_output(SPEC)
    assert place(5, 1, 1) == Place(t=5, batch=1, unit=1, layer=2, direction="forward")
    assert place(5, 1, 2) == Place(t=5, batch=1, unit=0, layer=2, direction="reverse")


def test_a_head_reads_both_directions_and_is_placed_by_its_own_units() -> None:
    assert in_head(SPEC)(5, 1, 3) == Place(t=5, batch=1, unit=3, layer=2, direction="forward")


def test_a_final_state_is_placed_where_its_row_ends() -> None:
    place = in_final_state(SPEC, ends=[7, 4])
    assert place(4, 0, 1) == Place(t=6, batch=0, unit=1, layer=2, direction="forward")
    assert place(0, 1, 1) == Place(t=3, batch=1, unit=1, layer=0, direction="forward")


def test_the_reverse_direction_ends_at_the_beginning() -> None:
    assert in_final_state(SPEC, ends=[7, 4])(3, 1, 0) == Place(t=0, batch=1, unit=0, layer=1, direction="reverse")


def test_one_direction_has_one_state_per_layer() -> None:
    assert in_final_state(Spec(num_layers=2), ends=[7])(1, 0, 3) == Place(6, 0, 3, layer=1, direction="forward")
