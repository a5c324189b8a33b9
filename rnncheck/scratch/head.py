"""The head: a distribution over H classes at every timestep, computed from the state."""

import torch
from torch import Tensor
from torch.nn import functional


def softmax_head(output: Tensor, weight_hy: Tensor, bias_y: Tensor) -> Tensor:
    """y_t = softmax(W_hy h_t + b_y), over the last axis.

    output (..., D*R), weight_hy (H, D*R), bias_y (H); returns y (..., H), each row of which sums to 1. Shapes that do
    not fit raise `RuntimeError`. Source: Elman 1990, with the softmax of Bridle 1990.
    """
    return torch.softmax(functional.linear(output, weight_hy, bias_y), dim=-1)
