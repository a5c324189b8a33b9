"""The scenes on which the candidate is tried: that of the run, shortened, and fresh ones to tell faults apart."""

from collections.abc import Iterator
from dataclasses import replace

from rnncheck.data.random import initial_state
from rnncheck.faults.scene import Scene
from rnncheck.model.randomness import Draws, Stream
from rnncheck.model.spec import InitialState
from rnncheck.model.weights import draw
from rnncheck.report import Divergence

STEPS, ROWS = 24, 8
AFTER = 8  # timesteps after the first divergence, if that comes late
MOST_STEPS = 512
RUN_BUDGET = 2e7  # weights times timesteps times rows: what a hundred faults can be run on
FEWEST_STEPS, FEWEST_ROWS = 6, 2
SMALL_STEPS, SMALL_ROWS = 4, 3
MOST_ROWS = 64
SEEDS = (101, 202, 303)
SCALES = (1.0, 3.0, 1.0)  # of fresh x: what is clipped or cut off shows in large numbers alone
FRESH_STEPS = 4  # at least: in fewer many faults of time look alike


def cut(scene: Scene, first: Divergence | None) -> Scene:
    """The scene's first timesteps and rows, as far as it takes to see the first divergence."""
    steps, rows = STEPS, ROWS
    if scene.batch_size == scene.spec.hidden_size <= MOST_ROWS:
        rows = scene.batch_size  # some faults show where these are the same alone
    if first is not None and scene.lengths is None:
        steps, rows = min(max(steps, first.t + AFTER), MOST_STEPS), max(rows, first.batch + 1)
    most = int(RUN_BUDGET / sum(value.numel() for value in scene.weights.values()))
    rows = min(rows, max(most // steps, FEWEST_ROWS))
    return shortened(scene, min(steps, max(most // rows, FEWEST_STEPS)), rows)


def affordable(scene: Scene) -> bool:
    """Whether the candidate can be run on all of it once more."""
    return sum(value.numel() for value in scene.weights.values()) * scene.seq_len * scene.batch_size <= 10 * RUN_BUDGET


def one_step(scene: Scene) -> Scene:
    """The first step alone, from given states."""
    return shortened(scene, 1, SMALL_ROWS)


def small(scene: Scene) -> Scene:
    """As little as still shows most faults, for trying many."""
    return shortened(scene, SMALL_STEPS, SMALL_ROWS)


def shortened(scene: Scene, steps: int, rows: int) -> Scene:
    """The first timesteps and rows; rows of different lengths keep different ones, as far as there is room."""
    state = scene.state.map(lambda each: each[:, :rows])
    lengths = scene.lengths and scene.lengths[:rows]
    if lengths:
        less = max(0, max(lengths) - steps)
        lengths = tuple(max(1, end - less) for end in lengths)
        steps = max(lengths)
    return replace(scene, x=scene.x[:steps, :rows], state=state, lengths=lengths)


def fresh(scene: Scene) -> Iterator[Scene]:
    """The same sizes, but for too few timesteps, with other data: first x and states, then the weights too.

    Where the run's states were zeros, so are these at first: a candidate may have no way to take others.
    """
    zeros = not scene.state.h.any()
    steps = scene.seq_len if scene.lengths else max(scene.seq_len, FRESH_STEPS)
    for seed, scale in zip(SEEDS, SCALES, strict=True):
        x = scale * Draws(seed, Stream.SEQUENCES).normal((steps, *scene.x.shape[1:]))
        for row, end in enumerate(scene.lengths or ()):
            x[end:, row] = 0.0
        batch_size = scene.x.shape[1]
        kind: InitialState = "zeros" if zeros and seed == SEEDS[0] else "random"
        state = initial_state(scene.spec, batch_size, seed=seed, kind=kind)
        weights = scene.weights if seed == SEEDS[0] else draw(scene.spec, seed).values
        yield replace(scene, x=x, state=state, weights=weights)
