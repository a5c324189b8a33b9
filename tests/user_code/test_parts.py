"""Weights of several layers or directions in one tensor, along its first axes."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.errors import RefusedError
from rnncheck.report import Report, Verdict


class Stacked(nn.Module):
    """An LSTM, whose upper layers are in one tensor for each kind of weight."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 2) -> None:
        super().__init__()
        gates = 4 * hidden_size
        self.W_first = nn.Parameter(torch.randn(input_size, gates))
        self.W = nn.Parameter(torch.randn(num_layers - 1, hidden_size, gates))
        self.U = nn.Parameter(torch.randn(num_layers, hidden_size, gates))
        self.b = nn.Parameter(torch.randn(num_layers, gates))
        self.layers = num_layers

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> Any:
        finals = []
        for layer, (h, c) in enumerate(zip(*state, strict=True)):
            W, outputs = self.W_first if layer == 0 else self.W[layer - 1], []
            for x_t in x:
                i, f, g, o = (x_t @ W + h @ self.recurrent(layer) + self.b[layer]).chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                outputs.append(h)
            x = torch.stack(outputs)
            finals.append((h, c))
        hs, cs = zip(*finals, strict=True)
        return x, (torch.stack(hs), torch.stack(cs))

    def recurrent(self, layer: int) -> Tensor:
        return self.U[layer]


class SharesTheFirst(Stacked):
    def recurrent(self, layer: int) -> Tensor:
        return self.U[0]


class BothAtOnce(nn.Module):
    """A GRU of both directions, with a batched product for both."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        gates = 3 * hidden_size
        self.w, self.u = (nn.Parameter(torch.randn(2, width, gates)) for width in (input_size, hidden_size))
        self.b, self.d = (nn.Parameter(torch.randn(2, 1, gates)) for _ in range(2))

    def forward(self, x: Tensor, h: Tensor) -> Any:
        outputs = []
        for from_x in torch.stack([x, x.flip(0)], 1) @ self.w + self.b:
            (i_r, i_z, i_n), (h_r, h_z, h_n) = (each.chunk(3, -1) for each in (from_x, h @ self.u + self.d))
            z = (i_z + h_z).sigmoid()
            h = (1 - z) * (i_n + (i_r + h_r).sigmoid() * h_n).tanh() + z * h
            outputs.append(h)
        both = torch.stack(outputs)
        return torch.cat([both[:, 0], both[:, 1].flip(0)], -1), h


def checked(candidate: Any, **options: Any) -> Report:
    return check(candidate, witness=False, paths="none", **options)


@pytest.mark.sample(1)
@pytest.mark.parametrize("sizes", [{}, {"num_layers": 4, "hidden_size": 4, "input_size": 4}, {"hidden_size": 2}])
def test_each_layer_is_a_part_at_whatever_sizes(sizes: dict[str, int]) -> None:
    report = checked(Stacked, cell="lstm", **{"num_layers": 2} | sizes)
    assert report.verdict is Verdict.EQUIVALENT
    assert {"U[0]", "U[1]", "b[0]"} <= {each.candidate for each in report.mapping}
    assert any(each.mode == "backward" and each.quantity == "grad weight_hh_l1" for each in report.comparisons)


@pytest.mark.slow
def test_each_direction_is_a_part() -> None:
    report = checked(BothAtOnce, cell="gru", bidirectional=True)
    assert report.verdict is Verdict.EQUIVALENT
    assert {"w[0]", "w[1]"} <= {each.candidate for each in report.mapping}


@pytest.mark.slow
def test_a_part_that_is_used_twice_is_found() -> None:
    report = checked(SharesTheFirst, cell="lstm", num_layers=2)
    assert (report.verdict, report.findings[0].slug) == (Verdict.MISMATCH, "layers-share-weights")


@pytest.mark.slow
def test_its_own_weights_are_taken_whole() -> None:
    report = checked(Stacked, cell="lstm", num_layers=2, weights=Stacked(3, 4).state_dict())
    assert report.verdict is Verdict.EQUIVALENT


@pytest.mark.slow
def test_what_has_one_direction_is_not_compared_with_both() -> None:
    with pytest.raises(RefusedError, match="no weights of the reverse direction"):
        checked(Stacked, cell="lstm", num_layers=1, bidirectional=True)


WHOLE = """
schema = "rnncheck/mapping/1"
cell = "lstm"
[tensors]
W_first = "weight_ih_l0.T"
W = "reshape(weight_ih_l1.T)"
U = "reshape(cat(weight_hh_l0.T, weight_hh_l1.T, dim=0))"
b = "reshape(cat(bias_ih_l0 + bias_hh_l0, bias_ih_l1 + bias_hh_l1, dim=0))"
"""
PARTS = """
"U[0]" = "weight_hh_l0.T"
"U[1]" = "weight_hh_l1.T"
b = "reshape(cat(bias_ih_l0 + bias_hh_l0, bias_ih_l1 + bias_hh_l1, dim=0))"
"""


@pytest.mark.parametrize("text", [WHOLE, WHOLE[: WHOLE.index("\nU")] + PARTS])
def test_a_mapping_names_a_tensor_or_its_parts(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text(text, encoding="utf-8")
    report = checked(Stacked, cell="lstm", num_layers=2, mapping=file)
    assert report.verdict is Verdict.EQUIVALENT
