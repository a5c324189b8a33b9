"""The cheapest way to give each of a few things a slot of its own."""

from collections.abc import Sequence


def cheapest(costs: Sequence[Sequence[float]], skipping: Sequence[float]) -> tuple[float, list[int | None]]:
    """The total cost and the slot of each thing; `costs[thing][slot]`, and `skipping[thing]` for none (None).

    Exact, by dynamic programming over the set of slots taken, of which there are at most 2 ** slots.
    """
    best: dict[int, tuple[float, list[int | None]]] = {0: (0.0, [])}
    for row, skip in zip(costs, skipping, strict=True):
        following: dict[int, tuple[float, list[int | None]]] = {}
        for taken, (total, slots) in best.items():
            ways: list[tuple[int, float, int | None]] = [(taken, total + skip, None)]
            ways += [(taken | 1 << slot, total + cost, slot) for slot, cost in enumerate(row) if not taken >> slot & 1]
            for then, cost, slot in ways:
                if then not in following or cost < following[then][0]:
                    following[then] = (cost, [*slots, slot])
        best = following
    return min(best.values(), key=lambda each: each[0])
