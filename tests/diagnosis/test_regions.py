"""What lengths, and starts of each row's own, mark out of all timesteps and rows."""

import torch

from rnncheck.diagnosis.regions import StepRegion, regions, regions_by_row

EVERYTHING = StepRegion(torch.ones(4, 2, dtype=torch.bool))


def test_without_lengths_there_is_only_everything() -> None:
    (only,) = regions(None, torch.zeros(4, 2, dtype=torch.bool))
    assert only.grid.tolist() == [[True, True]] * 4
    assert not only.words + only.word + only.bound


def test_lengths_mark_out_the_padding_the_last_steps_and_what_is_before_the_ends() -> None:
    padding, last, everything, before = (
        region.grid.int().T.tolist() for region in regions([4, 2], torch.zeros(4, 2, dtype=torch.bool))
    )
    assert padding == [[0, 0, 0, 0], [0, 0, 1, 1]]
    assert last == [[0, 0, 0, 1], [0, 1, 0, 0]]
    assert everything == [[1, 1, 1, 1], [1, 1, 1, 1]]
    assert before == [[1, 1, 1, 1], [1, 1, 0, 0]]


def test_rows_that_begin_at_timesteps_of_their_own_are_marked_out_from_there_on() -> None:
    grid = torch.tensor([[0, 0, 1, 1], [0, 1, 0, 1]]).T.bool()
    (found,) = [each for each in regions_by_row(grid, EVERYTHING) if each.words.startswith("from")]
    assert found.grid.int().T.tolist() == [[0, 0, 1, 1], [0, 1, 1, 1]]
    assert found.words == "from a timestep on that differs from row to row (t = 1 to 2)"


def test_a_row_in_which_nothing_is_wrong_says_nothing_of_where_rows_begin() -> None:
    grid = torch.tensor([[0, 0, 1, 1], [0, 0, 0, 0]]).T.bool()
    assert list(regions_by_row(grid, EVERYTHING)) == []
