"""The kit catches what it is there to catch: each wrong implementation breaks the rule that its mistake is against."""

from collections.abc import Callable

import pytest
import torch
from implementations import conformance as rules
from implementations import wrong
from implementations.cases import CASES, Case
from implementations.conformance import RULES, Rule
from implementations.wrong import BatchFirstIgnored, OffersCopies, OffersTooFew, Wrong, without

from rnncheck.model.spec import Spec

SHAPES = rules.has_the_shapes_dtype_and_device_of_the_spec
GRADIENTS = rules.can_be_differentiated_or_says_that_it_cannot
ORACLE = rules.agrees_with_an_independent_float64_run

WRONG: dict[str, tuple[Callable[[str], Wrong], Rule]] = {
    "ignores nonlinearity": (lambda name: Wrong(name, respec=without(nonlinearity="tanh")), ORACLE),
    "ignores head": (lambda name: Wrong(name, respec=without(head=None)), SHAPES),
    "ignores num_layers": (lambda name: Wrong(name, respec=without(num_layers=1, dropout=0.0)), ORACLE),
    "ignores batch_first": (BatchFirstIgnored, ORACLE),
    "leaves the reverse direction as it was read": (lambda name: Wrong(name, wrong.reverse_as_read), ORACLE),
    "answers batch first": (lambda name: Wrong(name, wrong.as_if_batch_first), SHAPES),
    "forgets its biases": (lambda name: Wrong(name, reweigh=wrong.zero_biases), ORACLE),
    "transposes W_hh": (lambda name: Wrong(name, reweigh=wrong.transposed_recurrence), ORACLE),
    "drops out in evaluation": (lambda name: Wrong(name, wrong.in_training), ORACLE),
    "computes in float32": (lambda name: Wrong(name, wrong.in_float32), ORACLE),
    "answers in float32": (lambda name: Wrong(name, wrong.giving_float32), SHAPES),
    "ignores h0": (lambda name: Wrong(name, wrong.without_h0), rules.starts_from_the_state_it_is_given),
    "ignores c0": (lambda name: Wrong(name, wrong.without_c0), rules.starts_from_the_state_it_is_given),
    "cannot go on": (lambda name: Wrong(name, wrong.without_h0), rules.goes_on_from_the_state_it_ended_in),
    "ignores lengths": (lambda name: Wrong(name, wrong.without_lengths), rules.ends_each_row_at_its_own_length),
    "ends at the padding": (
        lambda name: Wrong(name, wrong.final_state_at_the_padding),
        rules.ends_each_row_at_its_own_length,
    ),
    "reads the padding": (lambda name: Wrong(name, wrong.reading_the_padding), rules.reads_nothing_behind_a_row),
    "writes into x": (lambda name: Wrong(name, wrong.writing_into_x), rules.leaves_what_it_is_given_alone),
    "writes into h0": (lambda name: Wrong(name, wrong.writing_into_its_state), rules.leaves_what_it_is_given_alone),
    "keeps its state": (
        lambda name: Wrong(name, wrong.KeepsItsState()),
        rules.gives_the_same_again_whatever_it_ran_between,
    ),
    "reuses its buffer": (
        lambda name: Wrong(name, wrong.ReusesItsBuffer()),
        rules.gives_the_same_again_whatever_it_ran_between,
    ),
    "offers leaves it does not read": (OffersCopies, GRADIENTS),
    "registers too little": (OffersTooFew, GRADIENTS),
    "detaches its input": (lambda name: Wrong(name, wrong.detached), GRADIENTS),
    "draws random numbers": (lambda name: Wrong(name, wrong.drawing_numbers), rules.leaves_torch_as_it_was),
}


def caught(implementation: Wrong, rule: Rule, case: Case) -> bool:
    try:
        rule(implementation, case)
    except (AssertionError, KeyError, RuntimeError):
        return True
    return False


@pytest.mark.parametrize("name", WRONG)
def test_an_implementation_is_caught_that(name: str) -> None:
    make, rule = WRONG[name]
    with torch.no_grad():
        assert any(caught(make(name), rule, case) for case in CASES)


def test_every_rule_but_inference_mode_has_been_seen_to_fail() -> None:
    seen = {rule for _, rule in WRONG.values()} | {rules.holds_its_weights_bit_for_bit, rules.runs_in_inference_mode}
    assert seen == set(RULES)


def test_weights_that_were_rounded_are_caught() -> None:
    class Rounds(Wrong):
        def build(self, spec: Spec, weights: wrong.Weights) -> wrong.WrongLayer:
            layer = super().build(spec, weights)
            layer._values = {name: value.float().double() for name, value in layer._values.items()}
            return layer

    assert caught(Rounds("rounds"), rules.holds_its_weights_bit_for_bit, CASES[0])


def test_an_implementation_is_caught_that_needs_gradients_to_run() -> None:
    def run(layer: wrong.Layer, x: torch.Tensor, state: wrong.State, lengths: object) -> wrong.Trace:
        trace = layer.run(x, state, None)
        return wrong.Trace(trace.output * (0 if torch.is_inference_mode_enabled() else 1), trace.final)

    assert caught(Wrong("in gradients only", run), rules.runs_in_inference_mode, CASES[0])


def test_a_refusal_without_a_reason_is_caught() -> None:
    class Silent(Wrong):
        def refuses(self, spec: Spec, *, lengths: bool = False) -> str:
            return " "

    with pytest.raises(AssertionError):
        rules.refusal(Silent("silent"), CASES[0])


def test_a_right_implementation_behind_the_same_wrapper_passes() -> None:
    with torch.no_grad():
        assert not any(caught(Wrong("right"), rule, case) for rule in RULES for case in CASES)
