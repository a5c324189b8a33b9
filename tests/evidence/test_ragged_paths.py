"""Layers that are right with the lengths of the run, and with other lengths, modes and padding right or wrong."""

import pytest
from evidence.ragged_layers import RIGHT, WRONG, Masked, ReadsThePaddingInBackward

from rnncheck import check
from rnncheck.report import Report, Verdict

pytestmark = pytest.mark.paths


def checked(layer: type, paths: str = "options,gradients-in-use") -> Report:
    return check(layer, cell="gru", lengths=[7, 5, 2], witness=False, paths=paths)


@pytest.mark.sample(1)
@pytest.mark.parametrize("layer", RIGHT, ids=lambda layer: layer.__name__)
def test_a_layer_that_is_right_with_any_lengths_is_equivalent(layer: type) -> None:
    report = checked(layer)
    assert report.verdict is Verdict.EQUIVALENT, [each.message for each in report.findings]


@pytest.mark.sample(4)
@pytest.mark.parametrize("layer", WRONG, ids=lambda layer: layer.__name__)
def test_what_is_wrong_with_some_lengths_or_padding_is_found_and_named(layer: type) -> None:
    path, slug, what = WRONG[layer]
    report = checked(layer, path)
    assert report.verdict is Verdict.MISMATCH
    assert [(each.slug, each.variant) for each in report.findings] == [(slug, what)]


def test_gradients_that_nan_in_the_padding_spoils_are_said() -> None:
    report = checked(ReadsThePaddingInBackward)
    assert report.verdict is Verdict.EQUIVALENT
    (only,) = report.restrictions
    assert only.startswith("differentiated with lengths and NaN in the padding, it has gradients that are not finite")


def test_lengths_are_tried_only_where_the_run_has_some() -> None:
    (options,) = check(Masked, cell="gru", witness=False, paths="options").paths
    assert not [each for each in options.gone if "lengths" in each]
