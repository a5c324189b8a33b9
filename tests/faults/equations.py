"""A layer of one direction as a plain loop in numpy, and the wrong equations written into it by hand."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncheck.faults.scene import Scene

Array = NDArray[np.float64]


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


@dataclass(frozen=True)
class Given:
    """One step of one row, by gate: x W_ih, h W_hh and the two biases."""

    p: dict[str, Array]
    u: dict[str, Array]
    b_ih: dict[str, Array]
    b_hh: dict[str, Array]
    W_hh: dict[str, Array]
    h: Array
    c: Array

    def sum(self, gate: str) -> Array:
        return self.p[gate] + self.b_ih[gate] + self.u[gate] + self.b_hh[gate]


Step = Callable[[Given], tuple[Array, Array]]


def loop(scene: Scene, gates: str, step: Step) -> Array:
    """The output (T, B, H) of layer 0 when each step is `step`."""
    values = {name: value.numpy() for name, value in scene.weights.items()}
    size = scene.spec.hidden_size

    def by_gate(value: Array) -> dict[str, Array]:
        return {gate: value[k * size : (k + 1) * size] for k, gate in enumerate(gates)}

    W_ih, W_hh = by_gate(values["weight_ih_l0"]), by_gate(values["weight_hh_l0"])
    b_ih, b_hh = by_gate(values["bias_ih_l0"]), by_gate(values["bias_hh_l0"])
    output = np.zeros((scene.seq_len, scene.batch_size, size))
    for row in range(scene.batch_size):
        h = scene.state.h[0, row].numpy()
        c = h if scene.state.c is None else scene.state.c[0, row].numpy()
        for t in range(scene.seq_len):
            p = {gate: W_ih[gate] @ scene.x[t, row].numpy() for gate in gates}
            u = {gate: W_hh[gate] @ h for gate in gates}
            h, c = step(Given(p, u, b_ih, b_hh, W_hh, h, c))
            output[t, row] = h
    return output


def lstm(
    new_cell: Callable[[Array, Array, Array, Array], Array] = lambda i, f, g, c: f * c + i * g,
    new_hidden: Callable[[Array, Array, Array], Array] = lambda o, new, c: o * np.tanh(new),
    forget_bias: float = 0.0,
    g: Callable[[Array], Array] = np.tanh,
    gate: Callable[[Array], Array] = sigmoid,
    of: str = "ifo",
    peephole: float = 0.0,
) -> Step:
    """`gate` activates the gates of these letters, and a sigmoid the others."""
    i_gate, f_gate, o_gate = (gate if each in of else sigmoid for each in "ifo")

    def step(given: Given) -> tuple[Array, Array]:
        i = i_gate(given.sum("i") + peephole * given.c)
        f = f_gate(given.sum("f") + forget_bias + peephole * given.c)
        new = new_cell(i, f, g(given.sum("g")), given.c)
        o = o_gate(given.sum("o") + peephole * new)
        return new_hidden(o, new, given.c), new

    return step


def gru(
    proposal: Callable[[Given, Array], Array] = lambda s, r: s.p["n"] + s.b_ih["n"] + r * (s.u["n"] + s.b_hh["n"]),
    mix: Callable[[Array, Array, Array], Array] = lambda n, z, h: (1 - z) * n + z * h,
    n: Callable[[Array], Array] = np.tanh,
    z_gate: Callable[[Array], Array] = sigmoid,
) -> Step:
    def step(given: Given) -> tuple[Array, Array]:
        r, z = sigmoid(given.sum("r")), z_gate(given.sum("z"))
        h = mix(n(proposal(given, r)), z, given.h)
        return h, h

    return step


def rnn(f: Callable[[Array], Array]) -> Step:
    def step(given: Given) -> tuple[Array, Array]:
        h = f(given.sum("h"))
        return h, h

    return step
