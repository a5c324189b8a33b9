"""Mutants beyond the catalogue: one name, sign, number or function of a right layer changed, judged as they are."""

import ast
import copy
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from rnncheck import CannotRun, check
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.weights import draw

LSTM = """
gates = x[t] @ self.weight_ih_l0.T + self.bias_ih_l0 + h @ self.weight_hh_l0.T + self.bias_hh_l0
i, f, g, o = gates.chunk(4, 1)
i = torch.sigmoid(i)
f = torch.sigmoid(f)
g = torch.tanh(g)
o = torch.sigmoid(o)
c = f * c + i * g
h = o * torch.tanh(c)
"""
GRU = """
from_x = (x[t] @ self.weight_ih_l0.T + self.bias_ih_l0).chunk(3, 1)
from_h = (h @ self.weight_hh_l0.T + self.bias_hh_l0).chunk(3, 1)
r = torch.sigmoid(from_x[0] + from_h[0])
z = torch.sigmoid(from_x[1] + from_h[1])
n = torch.tanh(from_x[2] + r * from_h[2])
h = (1 - z) * n + z * h
"""
STEPS = {Cell.LSTM: LSTM, Cell.GRU: GRU}
STATES = {Cell.LSTM: ("h, c = state[0][0], state[1][0]", "(h[None], c[None])"), Cell.GRU: ("h = state[0]", "h[None]")}
NAMES = {Cell.LSTM: ["h", "c", "i", "f", "g", "o"], Cell.GRU: ["h", "r", "z", "n"]}
PARTS = 48  # of all mutants
FUNCTIONS = ("sigmoid", "tanh", "relu", "sin")


def forward(cell: Cell, step: str) -> str:
    """The method, with the body of its loop over time."""
    start, final = STATES[cell]
    loop = textwrap.indent(step.strip(), " " * 8)
    return (
        f"def forward(self, x, state):\n    {start}\n    states = []\n    for t in range(len(x)):\n{loop}\n"
        f"        states.append(h)\n    return torch.stack(states), {final}\n"
    )


def changes(node: ast.AST, names: list[str]) -> Iterator[tuple[str, Any]]:
    """What else could stand in a place of the code, as an attribute of its node."""
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult()):
            yield from (("op", kind()) for kind in (ast.Add, ast.Sub, ast.Mult) if not isinstance(node.op, kind))
        case ast.Attribute(attr=attribute) if attribute in FUNCTIONS:
            yield from (("attr", each) for each in FUNCTIONS if each != attribute)
        case ast.Constant(value=int(value)):
            yield from (("value", value + by) for by in (1, -1))
        case ast.Name(id=name, ctx=ast.Load()) if name in names:
            yield from (("id", each) for each in names if each != name)


def mutants(cell: Cell) -> Iterator[str]:
    """The method with one change in its step, for all changes there are."""
    tree = ast.parse(STEPS[cell])
    for place, node in enumerate(ast.walk(tree)):
        for attribute, value in changes(node, NAMES[cell]):
            changed = copy.deepcopy(tree)
            setattr(list(ast.walk(changed))[place], attribute, value)
            yield forward(cell, ast.unparse(changed))


def layer(cell: Cell, code: str) -> type[nn.Module]:
    """A class with torch's parameters and this method."""
    scope: dict[str, Any] = {"torch": torch}
    exec(code, scope)
    return type("Mutant", ({Cell.LSTM: nn.LSTM, Cell.GRU: nn.GRU}[cell],), {"forward": scope["forward"]})


def is_right(cell: Cell, mutant: type[nn.Module]) -> bool:
    """By a direct comparison in float64, on ordinary and on large inputs; raises what the mutant raises."""
    layers = [kind(3, 4).double() for kind in (mutant, mutant.__mro__[1])]
    for each in layers:
        each.load_state_dict(draw(Spec(cell), 5).values)
    for scale in (1.0, 4.0):
        x, h, c = scale * torch.randn(9, 3, 3).double(), torch.randn(1, 3, 4).double(), torch.randn(1, 3, 4).double()
        (output, state), (right, right_state) = (each(x, (h, c) if cell is Cell.LSTM else h) for each in layers)
        pairs = [(output, right), *zip(state, right_state, strict=True)]
        if not all(a.shape == b.shape and torch.allclose(a, b, 1e-9, 1e-9) for a, b in pairs):
            return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "part"), [(cell, part) for part in range(PARTS) for cell in STEPS])
def test_a_mutant_is_equivalent_only_if_it_is(cell: Cell, part: int) -> None:
    assert is_right(cell, layer(cell, forward(cell, STEPS[cell])))
    verdicts = []
    for code in list(mutants(cell))[part::PARTS]:
        mutant = layer(cell, code)
        try:
            right = is_right(cell, mutant)
        except (RuntimeError, IndexError, UnboundLocalError, TypeError, ValueError):
            continue  # a class that cannot run at all
        try:
            verdict = str(check(mutant, cell=cell, witness=False, diagnose=False, read_seconds=40).verdict)
        except CannotRun:
            verdict = "refused"
        assert (verdict == "equivalent") == right, code
        verdicts.append(verdict)
    if not verdicts:
        pytest.skip("none of these mutants can run")
    assert verdicts.count("mismatch") > len(verdicts) / 3
