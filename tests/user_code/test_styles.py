"""Every stranger of the corpus is constructed, called and read as its style says it has to be."""

from dataclasses import replace

import pytest
import torch
from styles.index import STYLES
from styles.style import Style
from torch import Tensor

from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State
from rnncheck.user_code.adapter import Candidate
from rnncheck.user_code.functions import WithWeights
from rnncheck.user_code.native_layer import NativeLayer

T, B = 6, 3
# What cannot be called twice alike, and what is called here in another way than by the one who labelled it.
OTHERWISE = {
    "NoisyRNN": "draws at random",
    "StatefulRNN": "the label is of its second call",
    "Encoder": "its configuration has batch_first, which is given",
    "MyRNN": "it can be given a state, and is",
    "MyRNNLoop": "it can be given a state, and is",
    "GateDictLSTM": "it can be given a state, and is",
    "gru_step": "held as tensors here and as arrays there",
    "lstm_cell_forward": "its biases are columns here",
}


def spec_of(style: Style) -> Spec:
    nonlinearity = style.options.get("nonlinearity", style.nonlinearity) if style.cell == "rnn" else None
    return Spec(
        Cell(style.cell),
        style.input_size,
        style.hidden_size,
        style.num_layers,
        nonlinearity,
        style.bias,
        bidirectional=style.bidirectional,
        dtype=Dtype(style.dtype),
    )


def candidate_of(style: Style) -> Candidate:
    return Candidate(style.candidate, style.options.get("arg", {}))


def native_of(style: Style) -> NativeLayer:
    candidate, spec = candidate_of(style), spec_of(style)
    assert candidate.refuses(spec) is None
    native = candidate._understood.native(spec)
    drawn = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for value in native.tensors().values():
            value.copy_(torch.randn(value.shape, generator=drawn, dtype=torch.float64) * 0.5)
    return native


@pytest.mark.sample(3)
@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style.path.stem}-{style.name}")
def test_it_runs_as_its_style_says(style: Style) -> None:
    native, again = native_of(style), native_of(style)
    dtype = getattr(torch, style.dtype)
    drawn = torch.Generator().manual_seed(4)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=drawn, dtype=torch.float64).to(dtype)

    states = (style.num_layers * native.spec.directions, B, style.hidden_size)
    x, h, c = normal(T, B, style.input_size), normal(*states), normal(*states)
    h, c = h * native.facts.takes_state, c * native.facts.takes_cell_state
    with torch.no_grad():
        trace = native.run(x.clone(), State(h.clone(), c.clone() if style.cell == "lstm" else None))
    assert trace.output.shape == (T, B, native.spec.output_size)
    if style.name in OTHERWISE:
        return
    assert native.facts.takes_state == style.takes_state
    thing = again.thing
    if isinstance(thing, WithWeights):
        thing.function = thing._function
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.no_grad():
            expected = style.call(thing, x.clone(), h.clone(), c.clone())
    finally:
        torch.set_default_dtype(before)
    found = {"output": trace.output, "h_n": trace.final.h, "c_n": trace.final.c, "last": trace.final.h[-1]}
    assert expected
    for name, value in expected.items():
        assert name not in trace.unexposed
        torch.testing.assert_close(found[name], value.to(dtype), rtol=0, atol=1e-6)


def test_one_precision_is_found_for_all() -> None:
    (style,) = [each for each in STYLES if each.name == "CustomLSTM"]
    candidate, spec = candidate_of(style), spec_of(style)
    for dtype in Dtype:
        native = candidate._understood.native(replace(spec, dtype=dtype))
        assert {value.dtype for value in native.tensors().values()} == {getattr(torch, dtype)}
