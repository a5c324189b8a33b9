"""Generated layers are right, and the check says so, or refuses them with a way out that works."""

from pathlib import Path

import pytest
from generated.kind import Kind, each_choice
from generated.outcomes import outcome

LAYERS = each_choice(0)


@pytest.mark.sample(7)
@pytest.mark.parametrize("kind", LAYERS, ids=[kind.says for kind in LAYERS])
def test_a_right_layer_is_equivalent_or_refused_with_a_way_out(kind: Kind, tmp_path: Path) -> None:
    assert wrong(kind, tmp_path) is None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 12))
def test_so_are_others(seed: int, tmp_path: Path) -> None:
    found = {kind.says: wrong(kind, tmp_path) for kind in each_choice(seed)}
    assert not {says: why for says, why in found.items() if why}


def wrong(kind: Kind, folder: Path) -> str | None:
    """What is wrong with the check of a right layer."""
    found = outcome(kind, folder)
    if found.refusal is None:
        return None if found.verdict == "equivalent" else found.verdict
    refusable = "head" in kind.gives or (kind.gives, kind.directions) == ("last", 2)
    return None if found.way_out and refusable else found.refusal


SQUARE_HEAD = Kind(shape="flat", gives="square head", packing="[x;h]", biases=1, storage="linears", loop="time")
ROWS_OF_NUMBERS = Kind(layers=2, directions=2, inputs="BT", gives="last head", storage="linears", sizes="fixed")


@pytest.mark.paths
@pytest.mark.parametrize(
    "kind", [SQUARE_HEAD, pytest.param(ROWS_OF_NUMBERS, marks=pytest.mark.slow)], ids=lambda kind: kind.says
)
def test_one_that_is_read_in_part_is_no_mismatch(kind: Kind, tmp_path: Path) -> None:
    assert wrong(kind, tmp_path) is None
