"""The expression language: what it means, how it is written, and what it says of a mistake."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnncheck.mapping.expression import (
    GATES,
    Cat,
    Expression,
    First,
    Interleaved,
    Negated,
    Ones,
    Reshaped,
    Rows,
    Sum,
    Transposed,
    Unused,
    Zeros,
    evaluate,
)
from rnncheck.mapping.toml_file import SyntaxProblem, parse
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.weights import draw

LSTM = Spec(cell=Cell.LSTM, input_size=3, hidden_size=2)
WEIGHTS = draw(LSTM, 0).values
I, F, G, O = WEIGHTS["weight_ih_l0"].chunk(4)  # noqa: E741


def value(text: str, *shape: int) -> torch.Tensor:
    return evaluate(parse(text, LSTM), WEIGHTS, Cell.LSTM, torch.Size(shape))


def test_gates_pick_and_order_rows() -> None:
    assert torch.equal(value("weight_ih_l0[o,i]", 4, 3), torch.cat([O, I]))


def test_a_transposed_block_is_stored_input_first() -> None:
    assert torch.equal(value("weight_ih_l0[f].T", 3, 2), F.t())


def test_matrices_stand_side_by_side_and_biases_add_up() -> None:
    side_by_side = value("cat(weight_ih_l0[g], weight_hh_l0[g], dim=1)", 2, 5)
    assert torch.equal(side_by_side, torch.cat([G, WEIGHTS["weight_hh_l0"][4:6]], 1))
    assert torch.equal(value("bias_ih_l0 + bias_hh_l0", 8), WEIGHTS["bias_ih_l0"] + WEIGHTS["bias_hh_l0"])


def test_a_bias_can_be_the_last_column_or_transposed_the_last_row() -> None:
    joined = value("cat(weight_ih_l0[g], column(bias_ih_l0[g] + bias_hh_l0[g]), dim=1).T", 4, 2)
    bias = (WEIGHTS["bias_ih_l0"] + WEIGHTS["bias_hh_l0"])[4:6]
    assert torch.equal(joined, torch.cat([G.t(), bias[None]]))


def test_a_tensor_too_small_or_of_another_rank_is_filled_with_what_it_can_hold() -> None:
    assert torch.equal(value("first(bias_ih_l0)", 1), WEIGHTS["bias_ih_l0"][:1])
    assert torch.equal(value("reshape(bias_ih_l0)", 4, 2), WEIGHTS["bias_ih_l0"].reshape(4, 2))
    assert torch.equal(value("zeros", 2, 2), torch.zeros(2, 2, dtype=torch.float64))
    assert torch.equal(value("ones", 3), torch.ones(3, dtype=torch.float64))


def test_rows_of_gates_can_be_dealt_out_in_turn() -> None:
    dealt = value("interleaved(weight_ih_l0[f,i,o])", 6, 3)
    assert torch.equal(dealt, torch.stack([F[0], I[0], O[0], F[1], I[1], O[1]]))


def test_it_is_differentiable_by_the_canonical_weights() -> None:
    leaves = {name: each.clone().requires_grad_() for name, each in WEIGHTS.items()}
    found = evaluate(parse("bias_ih_l0[i] + bias_hh_l0[i]", LSTM), leaves, Cell.LSTM, torch.Size([2]))
    (gradient,) = torch.autograd.grad(found.sum(), [leaves["bias_hh_l0"]])
    assert gradient.tolist() == [1, 1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weight_ih_l1", "column 1: expected one of weight_ih_l0"),
        ("weight_ih_l0[r]", "column 14: expected a gate, one of i, f, g, o, but found 'r'"),
        ("bias_ih_l0 + ", "column 14: expected one of"),
        ("cat(bias_ih_l0, dim=2)", "column 21: expected 0 or 1, but found '2'"),
        ("bias_ih_l0 bias_hh_l0", "column 12: expected the end, '+' or '.T', but found 'bias_hh_l0'"),
        ("bias_ih_l0 + zeros", "column 14: expected one of"),
        ("(bias_ih_l0", "column 12: expected ')', but found the end"),
        ("weight_ih_l0 * 2", "column 14: expected the end, '+' or '.T', but found '*'"),
        ("__import__('os')", "column 1: expected one of"),
        ("", "column 1: expected one of"),
    ],
)
def test_a_mistake_is_shown_with_its_column(text: str, message: str) -> None:
    with pytest.raises(SyntaxProblem) as problem:
        parse(text, LSTM)
    assert str(problem.value).startswith(message)


def test_the_rnn_has_no_gates_to_choose_from() -> None:
    with pytest.raises(SyntaxProblem, match="the rnn has none"):
        parse("weight_ih_l0[i]", Spec())


gates = st.lists(st.sampled_from(GATES[Cell.LSTM]), unique=True).map(tuple)
terms = st.recursive(
    st.builds(Rows, st.sampled_from(list(LSTM.recurrent_shapes())), gates),
    lambda inner: st.one_of(
        st.builds(Transposed, inner),
        st.builds(Negated, inner),
        st.builds(Sum, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Cat, st.lists(inner, min_size=1, max_size=3).map(tuple), st.sampled_from([0, 1])),
        st.builds(Reshaped, inner),
        st.builds(First, inner),
        st.builds(Interleaved, inner),
    ),
    max_leaves=8,
)


@given(st.one_of(terms, st.builds(Zeros), st.builds(Ones), st.builds(Unused)))
def test_what_is_written_is_read_again(expression: Expression) -> None:
    assert parse(str(expression), LSTM) == expression
