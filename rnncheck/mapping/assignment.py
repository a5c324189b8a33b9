"""Solves the assignment problem: the cheapest assignment of things to slots."""

from collections.abc import Sequence

_FAR = float("inf")


def cheapest(costs: Sequence[Sequence[float]], skipping: Sequence[float]) -> tuple[float, list[int | None]]:
    """The total cost and the slot of each thing; `costs[thing][slot]`, and `skipping[thing]` for none (None).

    Exact: the Hungarian algorithm with potentials, in O(n^2 (slots + n)) steps. A slot of its own to skip to is added
    for each thing. Source: Kuhn 1955, Munkres 1957.
    """
    things = len(costs)
    slots = len(costs[0]) if things else 0
    table = [
        [*row, *(skip if n == thing else _FAR for n in range(things))]
        for thing, (row, skip) in enumerate(zip(costs, skipping, strict=True))
    ]
    columns = slots + things
    of_rows, of_columns = [0.0] * (things + 1), [0.0] * (columns + 1)
    taken = [0] * (columns + 1)  # by which thing, counted from 1; 0 for none
    for thing in range(1, things + 1):
        way, least, used = [0] * (columns + 1), [_FAR] * (columns + 1), [False] * (columns + 1)
        taken[0], at = thing, 0
        while True:
            used[at] = True
            row, shift, following = taken[at], _FAR, 0
            for column in range(1, columns + 1):
                if used[column]:
                    continue
                reduced = table[row - 1][column - 1] - of_rows[row] - of_columns[column]
                if reduced < least[column]:
                    least[column], way[column] = reduced, at
                if least[column] < shift:
                    shift, following = least[column], column
            for column in range(columns + 1):
                if used[column]:
                    of_rows[taken[column]] += shift
                    of_columns[column] -= shift
                else:
                    least[column] -= shift
            at = following
            if not taken[at]:
                break
        while at:
            taken[at] = taken[way[at]]
            at = way[at]
    found: list[int | None] = [None] * things
    for column, thing in enumerate(taken[1:]):
        if thing and column < slots:
            found[thing - 1] = column
    total = sum(skip if slot is None else row[slot] for row, skip, slot in zip(costs, skipping, found, strict=True))
    return total, found
