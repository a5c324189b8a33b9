"""Layers whose weights are stored in unusual ways, right and wrong, through the command line."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from user_code.sources import HEAD, Write

from rnncheck import check

Command = Callable[..., Any]

ONE_MATRIX = HEAD + (
    "class MyLSTM(nn.Module):\n"
    "    def __init__(self, nx, nh):\n"
    "        super().__init__()\n"
    "        self.W = nn.Parameter(torch.randn(4 * nh, nx + nh + 1) * 0.1)\n"
    "    def forward(self, x, state):\n"
    "        h, c = state\n"
    "        v = torch.cat([PARTS, torch.ones(len(x), 1)], 1)\n"
    "        f, i, g, o = (v @ self.W.T).chunk(4, 1)\n"
    "        c = f.sigmoid() * c + i.sigmoid() * g.tanh()\n"
    "        return o.sigmoid() * c.tanh(), c\n"
)
DEALT_OUT = HEAD + (
    "class MyLSTM(nn.Module):\n"
    "    def __init__(self, nx, nh):\n"
    "        super().__init__()\n"
    "        self.nh = nh\n"
    "        self.W = nn.Linear(nx, 4 * nh)\n"
    "        self.U = nn.Linear(nh, 4 * nh)\n"
    "    def forward(self, x, state):\n"
    "        h, c = state\n"
    "        i, o, f, g = (self.W(x) + self.U(h)).view(-1, self.nh, 4).unbind(2)\n"
    "        c = f.sigmoid() * c + i.sigmoid() * g.tanh()\n"
    "        return o.sigmoid() * c.tanh(), c\n"
)
TORCH_S = HEAD + (
    "class MyLSTM(nn.Module):\n"
    "    def __init__(self, nx, nh):\n"
    "        super().__init__()\n"
    "        self.weight_ih = nn.Parameter(torch.randn(4 * nh, nx))\n"
    "        self.weight_hh = nn.Parameter(torch.randn(4 * nh, nh))\n"
    "        self.bias_ih = nn.Parameter(torch.randn(4 * nh))\n"
    "        self.bias_hh = nn.Parameter(torch.randn(4 * nh))\n"
    "    def forward(self, x, state):\n"
    "        h, c = state\n"
    "        a = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh\n"
    "        i, o, f, g = a.chunk(4, 1)\n"
    "        c = f.sigmoid() * c + i.sigmoid() * g.tanh()\n"
    "        return o.sigmoid() * c.tanh(), c\n"
)


@pytest.fixture
def report(rnncheck: Command, write: Write) -> Callable[[str], dict[str, Any]]:
    def made(text: str) -> dict[str, Any]:
        write(text)
        facts: dict[str, Any] = json.loads(
            rnncheck("compare", "mine.py:MyLSTM", "--cell", "lstm", "--format", "json").stdout
        )
        return facts

    return made


@pytest.mark.parametrize("parts", ["x, h", "h, x"])
def test_one_matrix_may_multiply_x_h_and_one(report: Callable[[str], dict[str, Any]], parts: str) -> None:
    facts = report(ONE_MATRIX.replace("PARTS", parts))
    sides = [f"weight_{'ih' if part == 'x' else 'hh'}_l0[f,i,g,o]" for part in parts.split(", ")]
    bias = "column(bias_ih_l0[f,i,g,o] + bias_hh_l0[f,i,g,o])"
    assert facts["verdict"] == "equivalent"
    assert facts["mapping"][0]["from"] == f"cat({', '.join(sides)}, {bias}, dim=1)"
    assert {each["mode"] for each in facts["comparisons"]} >= {"backward", "lockstep"}


def test_rows_dealt_out_in_turn_are_a_convention(report: Callable[[str], dict[str, Any]]) -> None:
    facts = report(DEALT_OUT)
    assert (facts["verdict"], facts["conventions"]) == ("equivalent", ["its gate order is i, o, f, g"])
    assert facts["mapping"][0]["from"] == "interleaved(weight_ih_l0[i,o,f,g])"


@pytest.mark.explained
@pytest.mark.patient
@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("wrong", "slug"),
    [
        (("h, c = state", "h, c = state[0], state[1] * 0"), "cell-state-not-carried"),
        (("c.tanh(), c", "c, c"), "missing-cell-activation"),
        (("f.sigmoid() * c", "(f + 1).sigmoid() * c"), "forget-bias-added"),
    ],
)
def test_a_fault_does_not_hide_that_rows_are_dealt_out(
    report: Callable[[str], dict[str, Any]], wrong: tuple[str, str], slug: str
) -> None:
    facts = report(DEALT_OUT.replace(*wrong))
    assert facts["verdict"] == "mismatch"
    assert facts["mapping"][0]["from"] == "interleaved(weight_ih_l0[i,o,f,g])"
    assert [each["slug"] for each in facts["findings"]] == [slug]


@pytest.mark.slow
@pytest.mark.explained
def test_behind_torch_s_own_names_another_order_is_a_fault(report: Callable[[str], dict[str, Any]]) -> None:
    facts = report(TORCH_S)
    assert (facts["verdict"], facts["conventions"]) == ("mismatch", [])
    assert [(each["slug"], each["variant"]) for each in facts["findings"]] == [("gate-order", "i, o, f, g")]
    assert [(each["candidate"], each["from"]) for each in facts["mapping"]] == [
        (name, f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]


class ResetBeforeAndWrongMix(nn.Module):
    """Wrong: it resets before the product, and mixes n and h by two gates."""

    def __init__(self, num_inputs: int, num_hiddens: int) -> None:
        super().__init__()
        sizes = (num_inputs, num_hiddens), (num_hiddens, num_hiddens), (num_hiddens,)
        for gate in "rzn":
            for kind, size in zip("wub", sizes, strict=True):
                setattr(self, f"{kind}_{gate}", nn.Parameter(torch.randn(size)))

    def forward(self, inputs: Tensor, h: Tensor) -> Tensor:
        output = []
        for x in inputs:
            r = torch.sigmoid(x @ self.w_r + h @ self.u_r + self.b_r)
            z = torch.sigmoid(x @ self.w_z + h @ self.u_z + self.b_z)
            h = z * h + (1 - r) * torch.tanh(x @ self.w_n + (h * r) @ self.u_n + self.b_n)
            output.append(h)
        return torch.stack(output)


@pytest.mark.explained
@pytest.mark.patient
def test_a_slip_beside_a_reset_before_the_product_is_named() -> None:
    report = check(ResetBeforeAndWrongMix, cell="gru", witness=False)
    assert {each.slug for each in report.findings} == {"gru-reset-before-matmul", "wrong-equation"}
