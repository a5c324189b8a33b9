"""Tensors that a candidate has beside torch's weights, at values at which they may change nothing.

A candidate that is torch's layer with these values, and another layer with its own, differs by these tensors alone.
"""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.mapping import names
from rnncheck.mapping.expression import Ones, Unused, Zeros
from rnncheck.mapping.found import FoundMapping
from rnncheck.mapping.layouts import Placed
from rnncheck.mapping.other_tensors import OtherTensors, is_statistic
from rnncheck.report import Finding
from rnncheck.scratch.network import Network
from rnncheck.text import first_of

SLUG = "own-weights"
MOST_KINDS = 4  # of vectors that are tried at zero and at one
EPS = 1e-5  # which torch's norms add to the variance
_VARIANCE = re.compile(r"running_var\w*")


class BesideOwnWeights(Network):
    """Torch's layer, as which a candidate computes where the tensors that torch lacks are switched off."""


def suspects(where: Sequence[Placed], made: Mapping[str, Tensor], live: Collection[str]) -> list[str]:
    """The tensors on which states depend, and that have no place, or that of a bias without the name of one; and all
    those of a batch norm, whose statistics have no gradient.
    """
    held = {each.name for each in where if each.layout.kinds != ("b",) or _named(each.name, made[each.name])}
    norms = {name.rpartition(".")[0] for name in made if is_statistic(name)}
    return [
        name
        for name in made
        if (name in live and name not in held and not names.is_start(name)) or name.rpartition(".")[0] in norms - {""}
    ]


def values(made: Mapping[str, Tensor], extra: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Values for all of them: matrices and biases zero, and of each kind of vectors either zero or one."""
    plain = {name: torch.zeros_like(made[name]) for name in extra}
    for name in extra:
        if _VARIANCE.fullmatch(_own(name)):
            plain[name] = torch.full_like(made[name], 1 - EPS)
    vectors = [name for name in extra if sum(axis > 1 for axis in made[name].shape) < 2]
    vectors = [name for name in vectors if not is_statistic(name) and not names.is_bias(name)]
    kinds = list(dict.fromkeys(map(_own, vectors)))
    for ones in itertools.product((False, True), repeat=len(kinds)) if len(kinds) <= MOST_KINDS else _alike(kinds):
        chosen = dict(zip(kinds, ones, strict=True))
        yield plain | {name: torch.ones_like(made[name]) for name in vectors if chosen[_own(name)]}


def at(own: OtherTensors, given: Mapping[str, Tensor]) -> OtherTensors:
    """With these values as what the candidate was made with, which nothing changes."""
    return replace(
        own, made={**own.made, **given}, trained=own.trained - given.keys(), fixed=own.fixed | frozenset(given)
    )


def told(mapping: FoundMapping, given: Mapping[str, Tensor], network: Network, own: OtherTensors) -> FoundMapping:
    """The mapping that was found with these values, for the candidate with its own.

    A parameter that it is made with at the value that has no effect is set to another: training changes it.
    """
    off = dict(given)  # and what was filled while the mapping was found
    for name, entry in mapping.entries.items():
        if name not in off and isinstance(entry.expression, Zeros | Ones) and not names.is_start(name):
            off[name] = torch.full_like(own.made[name], float(isinstance(entry.expression, Ones)))
    off = {name: off[name] for name in mapping.entries if name in off}
    entries = {
        name: replace(entry, expression=away_from(off[name], name, own)) if name in off else entry
        for name, entry in mapping.entries.items()
    }
    finding = Finding(
        SLUG,
        f"it computes with {first_of([*off])}, which torch.nn does not have; where these have no effect, it equals "
        f"torch's {network.spec.cell}",
        explains=1.0,
    )
    return replace(mapping, entries=entries, agrees=BesideOwnWeights(network.spec), findings=(finding,))


def away_from(neutral: Tensor, name: str, own: OtherTensors) -> Unused | Ones | Zeros:
    """What to fill the tensor with, so that its effect shows: the values that it has, unless it is trained and these
    are the ones with which it has no effect.
    """
    if name not in own.trained or not torch.equal(own.made[name], neutral):
        return Unused()
    return Zeros() if bool(neutral.any()) else Ones()


def _named(name: str, tensor: Tensor) -> bool:
    """Whether it has the name of a bias, or of one side's. Of a single number, beta may name a factor."""
    return (names.is_bias(name) and (tensor.numel() > 1 or "bias" in name)) or names.side(name) is not None


def _own(name: str) -> str:
    return name.rpartition(".")[2]


def _alike(kinds: Sequence[str]) -> list[tuple[bool, ...]]:
    return [(one,) * len(kinds) for one in (False, True)]
