"""An Elman RNN in numpy with gradients of its own, for rnncheck's exec: (docs/trace-file.md).

rnncheck compare 'exec:python rnn.py {inputs} {outputs}'

One layer, one direction, tanh. Where the inputs hold the gradients of output and h_n, the outputs hold those of x, h0
and every weight: the sums over time of backpropagation.
"""

import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

NOT_OFFERED = 64


def main() -> None:
    inputs, outputs = sys.argv[1:]
    with safe_open(inputs, "numpy") as file:
        options = file.metadata()
        if options["dtype"] == "bfloat16":
            sys.exit(not_offered("numpy has no bfloat16"))
        given = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, offered in {"cell": "rnn", "num_layers": "1", "bidirectional": "false", "nonlinearity": "tanh"}.items():
        if options[name] != offered:
            sys.exit(not_offered(f"{name} is {options[name]}, and it has {offered} alone"))
    if "lengths" in given:
        sys.exit(not_offered("it has no lengths"))
    results = forward(given)
    if "grad.output" in given:
        results |= backward(given, results["output"])
    save_file({name: np.ascontiguousarray(value) for name, value in results.items()}, outputs)


def not_offered(reason: str) -> int:
    print(reason, file=sys.stderr)
    return NOT_OFFERED


def forward(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh) for x (T, B, I)."""
    h, states = given["h0"][0], []
    bias = given.get("bias_ih_l0", 0) + given.get("bias_hh_l0", 0)
    for x_t in given["x"]:
        h = np.tanh(x_t @ given["weight_ih_l0"].T + h @ given["weight_hh_l0"].T + bias)
        states.append(h)
    return {"output": np.stack(states), "h_n": h[None]}


def backward(given: dict[str, np.ndarray], output: np.ndarray) -> dict[str, np.ndarray]:
    """The gradients of a loss whose own, by output and h_n, are given."""
    W_ih, W_hh = given["weight_ih_l0"], given["weight_hh_l0"]
    before = np.concatenate([given["h0"], output[:-1]])  # h_(t-1)
    dh = given["grad.h_n"][0]
    deltas: list[np.ndarray] = []
    for t in reversed(range(len(output))):
        delta = (dh + given["grad.output"][t]) * (1 - output[t] ** 2)
        dh = delta @ W_hh
        deltas.insert(0, delta)
    delta = np.stack(deltas)  # (T, B, H)
    found = {
        "grad.x": delta @ W_ih,
        "grad.h0": dh[None],
        "grad.weight_ih_l0": np.einsum("tbh,tbi->hi", delta, given["x"]),
        "grad.weight_hh_l0": np.einsum("tbh,tbk->hk", delta, before),
    }
    if "bias_ih_l0" in given:
        found["grad.bias_ih_l0"] = found["grad.bias_hh_l0"] = delta.sum((0, 1))
    return found


if __name__ == "__main__":
    main()
