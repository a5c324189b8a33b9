"""Sizes for probing calls: all different, so that the size of an axis identifies it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rnncheck.model.spec import Cell, Dtype, Spec

PRIMES = (5, 3, 7, 11, 13, 17, 19, 23)


@dataclass(frozen=True)
class Sizes:
    """T timesteps and B rows for a spec whose own sizes differ from them and from each other."""

    spec: Spec
    seq_len: int
    batch_size: int
    output_size: int
    fixed: bool = False  # whether the timesteps and rows are those of the run, and no others are tried

    @property
    def states(self) -> int:
        return self.spec.num_layers * self.spec.directions

    @property
    def letters(self) -> Mapping[int, str]:
        """The axis of each size."""
        spec = self.spec
        units = dict.fromkeys((spec.output_size, spec.state_size, spec.hidden_size), "F")
        states = {self.states: "K"} if self.states > 1 else {}
        return {self.seq_len + 1: "S"} | states | {self.batch_size: "B", self.seq_len: "T"} | units


def all_different(spec: Spec) -> Sizes:
    """Probing sizes that are all different, instead of those of the spec."""
    taken = {spec.num_layers, spec.directions, spec.num_layers * spec.directions}
    seq_len, batch_size, size, narrow, hidden = [each for each in PRIMES if each not in taken][:5]
    tiny = replace(
        spec,
        input_size=size,
        hidden_size=hidden,
        proj_size=narrow if spec.proj_size else 0,
        dtype=Dtype.FLOAT64,
        device="cpu",
        head=None,
    )
    return Sizes(tiny, seq_len, batch_size, 29)


def around(spec: Spec, fixed: tuple[int, int] | None = None) -> Sizes:
    """The sizes of the spec, for a layer that supports no others; with `fixed`, also its timesteps and rows."""
    if fixed is not None:
        return Sizes(replace(spec, dtype=Dtype.FLOAT64, device="cpu", head=None), *fixed, output_size(spec), fixed=True)
    taken = {spec.num_layers, spec.directions, spec.num_layers * spec.directions, 1}
    taken |= {spec.input_size, spec.hidden_size, spec.output_size, spec.state_size}
    seq_len, batch_size = [each for each in PRIMES if each not in taken and each + 1 not in taken][:2]
    return Sizes(replace(spec, dtype=Dtype.FLOAT64, device="cpu", head=None), seq_len, batch_size, output_size(spec))


def output_size(spec: Spec) -> int:
    """The width of a head, which is not compared: a size that nothing else has."""
    return spec.input_size + Cell.LSTM.gates * spec.hidden_size * spec.directions + 1
