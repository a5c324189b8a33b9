"""The cells of flax and equinox: every rule of the kit, every planted fault of layout, and what they refuse."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from implementations.cases import SPECS, Restricted
from implementations.conformance import RULES, refusal

from rnncheck import extras
from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.errors import CannotRun, UsageError
from rnncheck.implementations import check_name, jax_layout, load
from rnncheck.implementations.jax_layout import CellParameter, GateRows
from rnncheck.implementations.jax_names import CELLS, names
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import Weights

for package in ("jax", "flax", "equinox"):
    pytest.importorskip(package, reason=f"{package} is not installed: pip install 'rnncheck[jax]'")

from rnncheck.implementations import jax_cells  # noqa: E402


def cell_of(name: str) -> Cell:
    return next(cells[name.removeprefix(prefix)] for prefix, cells in CELLS.items() if name.startswith(prefix))


def specs(name: str) -> list[Spec]:
    """Of this cell; the first is the one that shows most: it has layers, directions and what else the name offers."""
    most = Spec(cell=cell_of(name), bidirectional=True, batch_first=True, head="softmax")
    return [most, replace(most, num_layers=2), *(spec for spec in SPECS if spec.cell is cell_of(name))]


CASES = [
    Restricted(replace(spec, dtype=Dtype.FLOAT64), lengths=lengths, name=name)
    for lengths in ((4, 7, 2), None)
    for name in names()
    for spec in specs(name)
]


@pytest.mark.sample(1)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{'lengths' if case.lengths else 'whole'}")
def test_it_keeps_every_rule_or_says_what_it_lacks(case: Restricted) -> None:
    reasons = {
        "equinox has no lengths; leave --lengths out": "equinox" in case.name and case.lengths is not None,
        "it has no projection of h; leave --proj-size out": case.spec.proj_size > 0,
        "it always has biases; leave --no-bias out": "flax" in case.name and not case.spec.bias,
    }
    if reason := refusal(load(case.name), case):
        assert reasons[reason]
        return
    assert not any(reasons.values())
    with torch.no_grad():
        for rule in RULES:
            rule(load(case.name), case)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.FLOAT16, Dtype.BFLOAT16])
@pytest.mark.parametrize("name", names())
def test_it_keeps_every_rule_in_any_precision(name: str, dtype: Dtype) -> None:
    case = Restricted(specs(name)[0], name=name)
    with torch.no_grad():
        for rule in RULES:
            rule(load(name), replace(case, spec=replace(case.spec, dtype=dtype)))


Change = Callable[[str, torch.Tensor], torch.Tensor]
Edit = Callable[[Mapping[str, CellParameter]], Mapping[str, CellParameter]]


def regated(layout: Mapping[str, CellParameter], gates: Mapping[str, str]) -> Mapping[str, CellParameter]:
    """With other gates in the places of these."""

    def swapped(rows: GateRows) -> GateRows:
        return replace(rows, gates="".join(gates.get(gate, gate) for gate in rows.gates))

    return {name: replace(held, rows=tuple(map(swapped, held.rows))) for name, held in layout.items()}


def turned(name: str, value: torch.Tensor) -> torch.Tensor:
    """The recurrent matrix of every gate transposed, as if it were stored the other way."""
    square = name.startswith("weight_hh")
    return torch.cat([gate.t() for gate in value.split(value.shape[1])]) if square else value


def one_bias(layout: Mapping[str, CellParameter]) -> Mapping[str, CellParameter]:
    """With b_ih alone where the two biases of torch belong."""
    return {
        name: replace(held, rows=tuple(replace(rows, of=rows.of[:1]) for rows in held.rows))
        for name, held in layout.items()
    }


class PlantedLayer(jax_cells.JaxLayer):
    """Turns other weights than it says into its own parameters."""

    def __init__(self, network: Any, layout: Mapping[str, CellParameter], weights: Weights, changed: Change) -> None:
        super().__init__(network, layout, weights)
        self._changed = changed

    def _run(self, x: Any, states: Any, lengths: Any) -> Any:
        kept = self._leaves
        self._leaves = {name: self._changed(name, value) for name, value in kept.items()}
        try:
            return super()._run(x, states, lengths)
        finally:
            self._leaves = kept


class Planted:
    """A cell of another layout, or another network, which claims to be the cell."""

    def __init__(
        self,
        name: str,
        edit: Edit = lambda layout: layout,
        network: Any = None,
        changed: Change = lambda name, value: value,
    ) -> None:
        self._changed = changed
        self.right, self.name, self.location = load(name), f"planted {name}", "tests"
        self._layout, self._network = edit(jax_layout.LAYOUTS[name]), network

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return self.right.refuses(spec, lengths=lengths)

    def read(self, spec: Spec) -> Any:
        return self.right.read(spec)

    def build(self, spec: Spec, weights: Weights) -> Any:
        network = self.right.build(spec, weights)._network
        if self._network is not None:
            network = self._network(network.prefix, network.name, spec)
        return PlantedLayer(network, self._layout, weights, self._changed)


class StatesExchanged(jax_cells.JaxNetwork):
    """Takes (h, c) for flax's (c, h)."""

    def __call__(self, cells: Any, head: Any, x: Any, states: Any, ends: Any) -> Any:
        output, final, y = super().__call__(cells, head, x, states and states[::-1], ends)
        return output, final[::-1], y


class Reversed(jax_cells.JaxNetwork):
    """Reads each sequence from its end, and leaves its outputs in this order."""

    def __call__(self, cells: Any, head: Any, x: Any, states: Any, ends: Any) -> Any:
        return super().__call__(cells, head, x[::-1], states, ends)


PLANTED = {
    "gate-order": lambda name: Planted(
        name,
        lambda layout: regated(layout, {"f": "g", "g": "f"} if cell_of(name) is Cell.LSTM else {"r": "z", "z": "r"}),
    ),
    "recurrent-weight-transposed": lambda name: Planted(name, changed=turned),
    "missing-recurrent-bias": lambda name: Planted(name, one_bias),
    "time-reversed": lambda name: Planted(name, network=Reversed),
    "initial-state-swapped": lambda name: Planted(name, network=StatesExchanged),
}


@pytest.mark.explained
@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("slug", "name"),
    [
        (slug, name)
        for slug in PLANTED
        for name in names()
        if not (slug == "gate-order" and cell_of(name) is Cell.RNN)
        and not (slug == "initial-state-swapped" and cell_of(name) is not Cell.LSTM)
    ],
)
def test_a_planted_fault_is_named(slug: str, name: str) -> None:
    spec = Spec(cell=cell_of(name))
    plan = Plan(spec=spec, sequences=random_sequences(3, 12, 3), candidate=PLANTED[slug](name), witness=False)
    report = check(plan)
    assert report.findings[0].slug == slug


def test_what_is_not_installed_is_refused_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(CannotRun, match=r"needs jax and flax, which are not installed: pip install 'rnncheck\[jax\]'"):
        load("flax:GRUCell")
    with pytest.raises(CannotRun, match="needs jax and equinox"):
        load("equinox:GRUCell")


def test_a_name_that_is_no_cell_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"there are flax:LSTMCell, .*; did you mean flax.nnx:GRUCell\?"):
        check_name("flax.nnx:GRU")


def test_another_cell_or_device_is_refused() -> None:
    assert load("flax:GRUCell").refuses(Spec(cell=Cell.LSTM)) == (
        "it is the gru cell, not the lstm cell; use --cell gru"
    )
    assert "on the cpu only" in str(load("equinox:GRUCell").refuses(Spec(cell=Cell.GRU, device="cuda")))
