"""The labels of the corpus are true: shown with `torch.nn` and the index alone, by nothing of rnncheck's."""

from collections.abc import Mapping

import pytest
import torch
from styles.expression import evaluate
from styles.fill import fill
from styles.index import STYLES
from styles.index_examples import CANDIDATES, EXAMPLES
from styles.style import STRANGERS, Style
from torch import Tensor, nn

T, B = 6, 3
ALL = [*STYLES, *EXAMPLES]
RIGHT = [style for style in ALL if style.right]
WRONG = [style for style in ALL if not style.right and not style.backward]
BACKWARD = [style for style in ALL if style.backward]
MODELLED = [style for style in WRONG if style.fault is not None]


def named(styles: list[Style]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("style", styles, ids=lambda style: f"{style.path.stem}-{style.name}")


def reference(style: Style) -> nn.RNNBase:
    sizes = (style.input_size, style.hidden_size, style.num_layers)
    options = {"bidirectional": style.bidirectional, "bias": style.bias, "dtype": torch.float64}
    if style.cell == "rnn":
        return nn.RNN(*sizes, nonlinearity=style.nonlinearity, **options)
    return {"lstm": nn.LSTM, "gru": nn.GRU}[style.cell](*sizes, **options)


def weights_of(style: Style) -> dict[str, Tensor]:
    """Large enough that every gate bends and every bias shows, each drawn anew."""
    drawn = torch.Generator().manual_seed(7)
    shapes = {name: value.shape for name, value in reference(style).state_dict().items()}
    return {name: torch.rand(shape, generator=drawn, dtype=torch.float64) * 1.6 - 0.8 for name, shape in shapes.items()}


def data_of(style: Style) -> tuple[Tensor, Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(8)
    states = style.num_layers * (2 if style.bidirectional else 1)
    x = torch.randn(T, B, style.input_size, generator=drawn, dtype=torch.float64)
    h0, c0 = torch.randn(2, states, B, style.hidden_size, generator=drawn, dtype=torch.float64).unbind()
    if not style.takes_state:
        h0 = torch.zeros_like(h0)
    if not style.takes_state or not style.takes_cell_state:
        c0 = torch.zeros_like(c0)
    return tuple(each.to(getattr(torch, style.dtype)) for each in (x, h0, c0))


def torch_runs(style: Style, weights: Mapping[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> dict[str, Tensor]:
    layer = reference(style)
    layer.load_state_dict(dict(weights))
    x, h0, c0 = x.double(), h0.double(), c0.double()
    output, state = layer(x, (h0, c0)) if style.cell == "lstm" else layer(x, h0)
    h_n, c_n = state if style.cell == "lstm" else (state, c0)
    return {"output": output, "h_n": h_n, "c_n": c_n, "last": h_n[-1]}


def candidate_runs(style: Style, weights: Mapping[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> dict[str, Tensor]:
    torch.manual_seed(0)  # what strangers draw for themselves
    return style.call(fill(style.built(), style, weights), x, h0, c0)


def distance(candidate: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> float:
    """The largest difference in anything the candidate returns; a NaN counts as infinitely far."""
    assert candidate
    furthest = 0.0
    for name, value in candidate.items():
        assert value.shape == expected[name].shape, name
        furthest = max(furthest, (value - expected[name]).abs().nan_to_num(torch.inf).max().item())
    return furthest


def rounding(style: Style) -> float:
    return 1e-12 if style.dtype == "float64" else 3e-6


@named(RIGHT)
def test_a_right_style_computes_what_torch_does(style: Style) -> None:
    weights, data = weights_of(style), data_of(style)
    assert distance(candidate_runs(style, weights, *data), torch_runs(style, weights, *data)) <= rounding(style)


@named(WRONG)
def test_a_wrong_style_does_not(style: Style) -> None:
    weights, data = weights_of(style), data_of(style)
    assert distance(candidate_runs(style, weights, *data), torch_runs(style, weights, *data)) > 100 * rounding(style)


@named(MODELLED)
def test_a_wrong_style_has_the_fault_it_is_listed_with(style: Style) -> None:
    weights, data = weights_of(style), data_of(style)
    if callable(style.fault):
        faulty = style.fault(weights, *data)
    else:
        changed = {k: evaluate(v, weights, style.cell, style.hidden_size) for k, v in style.fault.items()}
        faulty = torch_runs(style, weights | changed, *data)
    assert distance(candidate_runs(style, weights, *data), faulty) <= rounding(style)


def gradient(result: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Of x, from a fixed random projection of all that came out; zeros where nothing reaches it."""
    drawn = torch.Generator().manual_seed(9)
    loss = sum(
        (value * torch.randn(value.shape, generator=drawn, dtype=value.dtype)).sum() for value in result.values()
    )
    if not loss.requires_grad:
        return torch.zeros_like(x)
    (found,) = torch.autograd.grad(loss, x, allow_unused=True)
    return torch.zeros_like(x) if found is None else found


def gradients(style: Style) -> tuple[Tensor, Tensor]:
    """The candidate's gradient of x and torch's, from the same parts of the result."""
    weights, (x, h0, c0) = weights_of(style), data_of(style)
    x = x.requires_grad_()
    candidate = candidate_runs(style, weights, x, h0, c0)
    expected = torch_runs(style, weights, x, h0, c0)
    return gradient(candidate, x), gradient({name: expected[name].to(x.dtype) for name in candidate}, x)


@named([style for style in RIGHT if style.framework == "torch"])
def test_a_right_styles_gradient_is_torchs(style: Style) -> None:
    candidate, expected = gradients(style)
    assert (candidate - expected).abs().max() <= 10 * rounding(style)


@named(BACKWARD)
def test_one_that_is_wrong_in_its_gradients_alone_is_right_forward(style: Style) -> None:
    weights, data = weights_of(style), data_of(style)
    assert distance(candidate_runs(style, weights, *data), torch_runs(style, weights, *data)) <= rounding(style)
    candidate, expected = gradients(style)
    assert (candidate - expected).abs().max() > 100 * rounding(style)


def test_each_is_listed_once_and_a_wrong_one_says_what_to_find() -> None:
    assert len({style.candidate for style in ALL}) == len(ALL)
    assert all((style.slug is None) == style.right for style in ALL)


def test_every_file_is_listed() -> None:
    listed = {style.path for style in ALL}
    assert listed == {path for folder in (STRANGERS, CANDIDATES) for path in folder.glob("*.py")}


def test_every_example_is_described() -> None:
    described = (CANDIDATES / "README.md").read_text()
    for style in EXAMPLES:
        assert f"{style.file}:{style.name}" in described
        assert style.slug is None or style.slug in described
