"""What names of tensors say."""

import pytest

from rnncheck.mapping import names


@pytest.mark.parametrize("name", ["grads.0", "dWrx", "dbrx", "dL_dW", "cell.d_Wx", "grad_bias"])
def test_names_of_gradients(name: str) -> None:
    assert names.is_gradient(name)


@pytest.mark.parametrize("name", ["dual.weight", "weight_ih_l0", "down.W", "cells.1.dense.weight", "layer1.Wx"])
def test_names_of_no_gradients(name: str) -> None:
    assert not names.is_gradient(name)
