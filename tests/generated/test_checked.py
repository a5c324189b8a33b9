"""Generated layers are right, and the check says so, or refuses them with a way out that works."""

from pathlib import Path

import pytest
from generated.kind import Kind, each_choice
from generated.outcomes import outcome

LAYERS = [kind for seed in range(12) for kind in each_choice(seed)]


@pytest.mark.sample(10)
@pytest.mark.parametrize("kind", LAYERS, ids=[kind.says for kind in LAYERS])
def test_a_right_layer_is_equivalent_or_refused_with_a_way_out(kind: Kind, tmp_path: Path) -> None:
    found = outcome(kind, tmp_path)
    if found.refusal is None:
        assert found.verdict == "equivalent"
    else:
        assert found.way_out, found.refusal
        assert "head" in kind.gives or (kind.gives, kind.directions) == ("last", 2), found.refusal
