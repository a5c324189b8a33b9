"""Variants with weights of their own: loops written from the papers agree with them, and wrong ones do not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from rnncheck import check
from rnncheck.errors import RefusedError, WeightsError
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights

States = tuple[Tensor, ...]
Values = Mapping[str, Tensor]


def peephole(w: Values, x: Tensor, h: Tensor, c: Tensor, wrong: bool) -> States:
    sums = x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]
    i, f, g, o = sums.chunk(4, -1)
    new = torch.sigmoid(f + w["peephole_f"] * c) * c + torch.sigmoid(i + w["peephole_i"] * c) * torch.tanh(g)
    seen = c if wrong else new  # the output gate sees the new cell state
    return torch.sigmoid(o + w["peephole_o"] * seen) * torch.tanh(new), new


def layer_norm(w: Values, x: Tensor, h: Tensor, c: Tensor, wrong: bool) -> States:
    def norm(which: str, values: Tensor) -> Tensor:
        return torch.nn.functional.layer_norm(values, values.shape[-1:], w["gain_" + which], w["shift_" + which])

    from_x, from_h = x @ w["weight_ih"].T + w["bias_ih"], h @ w["weight_hh"].T + w["bias_hh"]
    sums = norm("ih", from_x + from_h) if wrong else norm("ih", from_x) + norm("hh", from_h)
    i, f, g, o = sums.chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(norm("c", c)), c


def independent(w: Values, x: Tensor, h: Tensor, wrong: bool) -> States:
    own = h @ w["weight_hh"].T if wrong else w["recurrent"] * h
    return (torch.relu(x @ w["weight_ih"].T + w["bias_ih"] + own),)


CASES = {
    "lstm-peephole": (peephole, {"cell": "lstm"}),
    "lstm-layer-norm": (layer_norm, {"cell": "lstm"}),
    "indrnn": (independent, {"cell": "rnn", "nonlinearity": "relu"}),
}


class Loop:
    """One layer and direction of a step."""

    name, location = "mine", "here"

    def __init__(self, step: Any, wrong: bool) -> None:
        self.step, self.wrong = step, wrong

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return None

    def build(self, spec: Spec, weights: Weights) -> "Loop":
        layer = Loop(self.step, self.wrong)
        with torch.inference_mode(False):
            layer.values = {name: value.clone().requires_grad_() for name, value in weights.cast(spec).items()}
        return layer

    def parameters(self) -> Values:
        return {name: value.detach() for name, value in self.values.items()}

    def leaves(self) -> Values:
        return self.values

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        w = {name.removesuffix("_l0"): value for name, value in self.values.items()}
        states, outputs = tuple(each[0] for each in state.tensors()), []
        for x_t in x:
            states = self.step(w, x_t, *states, self.wrong)
            outputs.append(states[0])
        return Trace(torch.stack(outputs), State(*(each[None] for each in states)))


@pytest.mark.sample(1)
@pytest.mark.explained
@pytest.mark.parametrize("slug", CASES)
def test_a_loop_of_its_equations_agrees_and_a_wrong_one_does_not(slug: str) -> None:
    step, spec = CASES[slug]
    against = {"against": f"variant:{slug}", "hidden_size": 5, "seq_len": 6, "diagnose": False} | spec
    report = check(Loop(step, wrong=False), **against)
    assert (report.verdict, report.reason) == ("equivalent", None)
    assert report.witness.caught > 15
    own = {each.quantity for each in report.comparisons if each.mode.startswith("backward")}
    assert {"lstm-peephole": "grad peephole_o_l0", "lstm-layer-norm": "grad gain_c_l0", "indrnn": "grad recurrent_l0"}[
        slug
    ] in own
    assert check(Loop(step, wrong=True), **against, witness=False).verdict == "mismatch"


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
@pytest.mark.parametrize("slug", CASES)
def test_a_loop_of_its_equations_agrees_in_every_precision(slug: str, dtype: str) -> None:
    step, spec = CASES[slug]
    for seed in range(3):
        report = check(
            Loop(step, wrong=False), against=f"variant:{slug}", seed=seed, dtype=dtype, witness=False, **spec
        )
        assert report.verdict == "equivalent"


def test_its_own_weights_are_saved_and_loaded(tmp_path: Path, rnncheck: Any) -> None:
    command = ["compare", "variant:lstm-peephole", "--against", "variant:lstm-peephole", "--cell", "lstm"]
    fast = ["--no-witness", "--no-backward", "--num-layers", "2"]
    assert rnncheck(*command, *fast, "--save-weights", tmp_path / "w.safetensors").code == 0
    saved = load_file(tmp_path / "w.safetensors")
    assert saved["peephole_o_l1"].shape == (4,)
    outcome = rnncheck(*command, *fast, "--weights", tmp_path / "w.safetensors", "-v")
    assert outcome.code == 0
    assert "peephole_i" in outcome.stdout
    weights = {name: value for name, value in saved.items() if not name.startswith("peephole")}
    with pytest.raises(WeightsError, match="it lacks peephole_i_l0"):
        check("variant:lstm-peephole", against="variant:lstm-peephole", cell="lstm", num_layers=2, weights=weights)


def test_a_layer_without_a_place_for_them_is_refused() -> None:
    with pytest.raises(RefusedError, match="torch cannot run this: it has no place for peephole_i, peephole_f"):
        check("torch", against="variant:lstm-peephole", cell="lstm")
    with pytest.raises(RefusedError, match="it computes with relu: add --nonlinearity relu"):
        check("variant:indrnn", nonlinearity="tanh")
