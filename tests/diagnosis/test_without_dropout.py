"""Every dropout of torch's is switched off, however it is called, and its chance is noted."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnncheck.diagnosis.dropout import WithoutDropout

X = torch.arange(1.0, 25.0).view(2, 3, 4)


@pytest.mark.parametrize(
    "drop",
    [
        lambda x: F.dropout(x, 0.3),
        lambda x: F.dropout(x, p=0.3, training=True),
        lambda x: F.dropout(input=x, p=0.3, inplace=True),
        lambda x: F.dropout1d(x, 0.3),
        lambda x: F.alpha_dropout(x, 0.3, training=True),
        lambda x: torch.dropout(x, 0.3, True),
        lambda x: torch.dropout(x, 0.3, train=True),
        nn.Dropout(0.3),
    ],
)
def test_everything_passes_and_the_chance_is_noted(drop: Callable[[Tensor], Tensor]) -> None:
    with WithoutDropout() as off:
        assert torch.equal(drop(X.clone()), X)
    assert off.chances == {0.3}


@pytest.mark.parametrize(
    "drop",
    [
        lambda x: F.dropout(x, 0.3, False),
        lambda x: F.dropout(x, 0.0),
        lambda x: F.alpha_dropout(x, 0.3),
        lambda x: torch.dropout(x, 0.3, False),
        nn.Dropout(0.3).eval(),
        torch.tanh,
    ],
)
def test_what_drops_nothing_is_not_noted(drop: Callable[[Tensor], Tensor]) -> None:
    with WithoutDropout() as off:
        assert torch.equal(drop(X), drop(X))
    assert off.chances == set()


def test_its_own_default_is_a_half() -> None:
    with WithoutDropout() as off:
        F.dropout(X)
    assert off.chances == {0.5}


def test_gradients_pass() -> None:
    x = X.clone().requires_grad_()
    with WithoutDropout():
        (gradient,) = torch.autograd.grad(F.dropout(x.tanh(), 0.5).sum(), x)
    assert torch.equal(gradient, torch.autograd.grad(x.tanh().sum(), x)[0])


def test_behind_it_dropout_drops_again() -> None:
    with WithoutDropout():
        pass
    assert F.dropout(X, 0.999).count_nonzero() < X.numel()


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("packs", [False, True], ids=["padded", "packed"])
def test_dropout_between_the_layers_of_torch_is_switched_off(layer: type[nn.RNNBase], packs: bool) -> None:
    torch.manual_seed(0)
    several = layer(4, 5, 3, dropout=0.4)
    x = nn.utils.rnn.pack_sequence([X[:, 0], X[:1, 1]]) if packs else X
    right = several.eval()(x)[0]
    with WithoutDropout() as off:
        dropped = several.train()(x)[0]
    pairs = zip(right[:1], dropped[:1], strict=True) if packs else [(right, dropped)]
    assert all(torch.equal(one, other) for one, other in pairs)
    assert off.chances == {0.4}
