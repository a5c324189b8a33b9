"""The rates that docs/candidates.md states: strangers' layers are mapped, judged rightly, and their faults named."""

from dataclasses import replace

import pytest
from styles.index import STYLES
from styles.index_examples import EXAMPLES
from styles.outcomes import INPUT, Outcome, options, outcome
from styles.style import Style

ALL = [*STYLES, *EXAMPLES]
A_FEW = {
    "MyRNN": "two faults of a notebook",
    "MyRNNLoop": "no parameters",
    "StableGRU": "float32 whatever it is given",
    "NoisyRNN": "dropout in evaluation",
    "LSTMHalf": "products in bfloat16",
    "HalfBiasedRNN": "a parameter that nothing reads",
    "FrozenRNN": "no gradient",
    "StatefulRNN": "a state that is kept",
    "OneBiasGRU": "no place for a bias",
    "TextbookGRUCell": "a pair of faults",
    "CharRNN": "numpy on columns",
    "StackedLSTM": "two layers in one step",
    "ReorderedLSTMCell": "gates in an order of its own",
    "LSTMNetwork": "a bias as the last row of a matrix",
    "PackedRNN": "packed sequences alone",
}
LEAST_WITHOUT_OPTIONS = 0.95


def named(style: Style) -> str:
    return f"{style.path.stem}-{style.name}"


def assert_as_labelled(found: Outcome) -> None:
    assert found.report is not None, found.refusal
    assert found.right, (found.report.verdict, found.slugs)
    assert found.named or found.style.slug is None, (found.style.slug, found.slugs)


@pytest.mark.explained
@pytest.mark.sample(3)
@pytest.mark.parametrize("style", [each for each in ALL if each.name in A_FEW], ids=named)
def test_the_hardest_are_judged_and_named_as_they_are_labelled(style: Style) -> None:
    assert_as_labelled(outcome(style))


@pytest.mark.patient
@pytest.mark.slow
@pytest.mark.parametrize("style", ALL, ids=named)
def test_every_one_is_judged_and_named_as_it_is_labelled(style: Style) -> None:
    assert_as_labelled(outcome(style))


def test_most_need_no_option() -> None:
    alone = [style for style in ALL if not options(style)]
    assert len(alone) / len(ALL) >= LEAST_WITHOUT_OPTIONS


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("name", "option"),
    [("GRUDecoder", "--input-size 4"), ("SeriesRNN", "--input-size 1")],
)
def test_one_that_takes_a_single_size_is_refused_with_the_option_that_helps(name: str, option: str) -> None:
    (style,) = [each for each in STYLES if each.name == name]
    found = outcome(replace(style, input_size=INPUT))
    assert found.refusal is not None
    assert option in found.refusal
