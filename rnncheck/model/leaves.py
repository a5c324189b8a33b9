"""Torch's weights as leaves of autograd: what a layer holds that computes its own parameters from them in every run."""

from collections.abc import Mapping

import torch
from torch import Tensor

from rnncheck.model.spec import Spec


class Leaves:
    """The weights `values` of a spec: those of the recurrent layer require gradients, those of its head do not."""

    def __init__(self, values: Mapping[str, Tensor], spec: Spec) -> None:
        # What is made in inference mode can never be differentiated; these should be, wherever they are made.
        with torch.inference_mode(False):
            self._leaves = {name: values[name].clone().requires_grad_() for name in spec.recurrent_shapes()}
            self._head = {name: values[name].clone() for name in spec.head_shapes()}

    def parameters(self) -> Mapping[str, Tensor]:
        return {name: value.detach() for name, value in self._leaves.items()} | self._head

    def leaves(self) -> Mapping[str, Tensor]:
        return self._leaves

    def trained(self) -> Mapping[str, Tensor]:
        return self._leaves

    def change(self, values: Mapping[str, Tensor]) -> None:
        """Writes these values into the weights of the recurrent layer, as an optimizer does."""
        with torch.no_grad():
            for name, leaf in self._leaves.items():
                leaf.copy_(values[name])
