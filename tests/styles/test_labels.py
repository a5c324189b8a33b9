"""The labels of the corpus are true: shown with `torch.nn` and the index alone, by nothing of rnncheck's."""

from collections.abc import Mapping

import pytest
import torch
from styles.expression import evaluate
from styles.fill import fill
from styles.index import STYLES
from styles.index_examples import CANDIDATES, EXAMPLES
from styles.style import STRANGERS, Style
from styles.truth import data_of, torch_runs, weights_of
from torch import Tensor, nn

ALL = [*STYLES, *EXAMPLES]
RIGHT = [style for style in ALL if style.right]
WRONG = [style for style in ALL if not style.right and not style.backward and style.trains]
BACKWARD = [style for style in ALL if style.backward]
MODELLED = [style for style in WRONG if style.fault is not None]


def named(styles: list[Style]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("style", styles, ids=lambda style: f"{style.path.stem}-{style.name}")


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


@named([style for style in ALL if not style.trains])
def test_one_that_cannot_be_trained_computes_what_torch_does(style: Style) -> None:
    weights, data = weights_of(style), data_of(style)
    assert distance(candidate_runs(style, weights, *data), torch_runs(style, weights, *data)) <= rounding(style)
    assert list(style.built().parameters()) == []


@named([style for style in ALL if style.framework == "torch"])
def test_no_parameter_of_a_style_is_left_out_of_its_mapping(style: Style) -> None:
    made = style.built()
    if isinstance(made, nn.Module):
        assert {name for name, _ in made.named_parameters()} <= set(style.mapping)


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
