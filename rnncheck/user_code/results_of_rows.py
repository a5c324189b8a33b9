"""Which rows of the batch a result depends on. Row b of a result depends on row b of x and of the state alone."""

import torch
from torch import Tensor

from rnncheck.user_code.movers import Calls
from rnncheck.user_code.quantities import alike
from rnncheck.user_code.results import Way, leaves
from rnncheck.user_code.sizes import Sizes


def mixes(way: Way, value: Tensor, calls: Calls, sizes: Sizes) -> bool:
    """Whether its rows depend on other rows: exchanging rows of the batch does not exchange them alone.

    What has timesteps and no axis of the batch mixes all rows if each of them has an effect.
    """
    if calls.x.shape[1] != sizes.batch_size:
        return False
    axis = axis_of_batch(value, sizes)
    if axis is None:
        return has_timesteps(value, sizes) and len(effective_rows(way, value, calls, sizes)) == sizes.batch_size
    order = torch.arange(sizes.batch_size).roll(1)
    state = calls.state.map(lambda each: each[:, order])
    other = dict(leaves(calls.of(calls.x[:, order], state), sizes.letters)).get(way)
    return other is not None and not alike(value.index_select(axis, order), other, nan=True)


def only_row(way: Way, value: Tensor, calls: Calls, sizes: Sizes) -> int | None:
    """The one row that it depends on, if it has timesteps and no axis of the batch."""
    if calls.x.shape[1] != sizes.batch_size or axis_of_batch(value, sizes) is not None:
        return None
    rows = effective_rows(way, value, calls, sizes) if has_timesteps(value, sizes) else []
    return rows[0] if len(rows) == 1 else None


def axis_of_batch(value: Tensor, sizes: Sizes) -> int | None:
    axes = [n for n, size in enumerate(value.shape) if sizes.letters.get(size) == "B"]
    return axes[0] if len(axes) == 1 else None  # a row beside each other row has two


def has_timesteps(value: Tensor, sizes: Sizes) -> bool:
    letters = [sizes.letters.get(size) for size in value.shape]
    return "T" in letters and "B" not in letters


def effective_rows(way: Way, value: Tensor, calls: Calls, sizes: Sizes) -> list[int]:
    """The rows of which other numbers change the result."""
    found = []
    for row in range(calls.x.shape[1]):
        x = calls.x.clone()
        x[:, row] = x[:, row].cos()
        other = dict(leaves(calls.of(x, calls.state), sizes.letters)).get(way)
        if other is not None and not alike(value, other, nan=True):
            found.append(row)
    return found
