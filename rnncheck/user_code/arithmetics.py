"""Whether a candidate computes in torch or in numpy: from its type, its arrays, and the imports of its file."""

import inspect

import numpy as np
from torch import nn

from rnncheck.user_code.functions import WithWeights
from rnncheck.user_code.tensors import walk


def arithmetics(thing: object) -> list[bool]:
    """Whether it computes in numpy: what is likelier first, and the other where that is a guess."""
    if isinstance(thing, nn.Module):
        return [False]
    if isinstance(thing, WithWeights):
        return [thing.numpy]
    holds, torch = [isinstance(value, np.ndarray) for _, value, _ in walk(thing, "", set())], knows_torch(thing)
    if holds and all(holds) and not torch:
        return [True]
    numpy = not torch or sum(holds) > len(holds) / 2
    return [numpy, not numpy]


def knows_torch(thing: object) -> bool:
    """Whether its module imports torch."""
    module = inspect.getmodule(thing if inspect.isroutine(thing) else type(thing))
    names = {getattr(each, "__name__", "") for each in vars(module).values()} if module else set()
    return any(name.partition(".")[0] == "torch" for name in names)
