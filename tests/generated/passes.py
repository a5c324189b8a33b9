"""Source of what a generated layer does with x and its state: a pass over all steps, or one step."""

from collections.abc import Iterable

from generated.kind import Kind


def indented(lines: Iterable[str], times: int = 1) -> list[str]:
    return ["    " * times + line if line else line for line in lines]


def forward(kind: Kind, weights: Iterable[str] | None = None) -> list[str]:
    """A method, or with `weights` a function that takes them, over a sequence. `def` is the first line."""
    body = [*_inputs(kind), *_states(kind), *_loop(kind), f"return {_result(kind)}"]
    return [_def(kind, weights), *indented(body)]


def one_step(kind: Kind, equations: list[str], weights: Iterable[str] | None = None) -> list[str]:
    """The same for one step: the equations stand in it."""
    unpacked = []
    if kind.has_c and kind.takes in ("state", "swapped"):
        unpacked = [f"{'c, h' if kind.takes == 'swapped' else 'h, c'} = state"]
    result = {
        "state": f"h, {'(c, h)' if kind.takes == 'swapped' else '(h, c)'}" if kind.has_c else "h, h",
        "apart": "h, c",
        "dict": '{"h": h, "c": c}' if kind.has_c else '{"h": h}',
        "last": "h",
    }[kind.gives]
    return [_def(kind, weights), *indented([*unpacked, *equations, f"return {result}"])]


def _def(kind: Kind, weights: Iterable[str] | None) -> str:
    default = "" if kind.is_function or kind.one_step or kind.needs else "=None"
    if kind.takes == "nothing":
        states = []
    elif kind.takes == "per cell":
        states = ["states"]
    elif kind.has_c and kind.takes != "apart":
        states = ["state"]
    else:
        states = [name if kind.one_step else f"{name}0" for name in kind.states.split(", ")]
    said = ["x", *(name + default for name in states)]
    if weights is None:
        return f"def forward(self, {', '.join(said)}):"
    return f"def {kind.cell}_{'step' if kind.one_step else 'forward'}({', '.join([*said, *weights])}):"


def _inputs(kind: Kind) -> list[str]:
    """Lines that make `rows`, a list with x of each step."""
    if kind.inputs == "BT":
        return ["rows = [x[:, t : t + 1] for t in range(x.shape[1])]"]
    first = {
        "packed": ["x, lengths = pad_packed_sequence(x)"],
        "ids": ["x = self.embedding(x)"],
        "one-hot": ["x = self.eye[x]"],
    }.get(kind.inputs, [])
    turn = ".transpose(0, 1)" if kind.framework == "torch" else ".swapaxes(0, 1)"
    return [*first, f"rows = list(x{turn if kind.batch_first else ''})"]


def _states(kind: Kind) -> list[str]:
    """Lines that make the states to begin with: `h` and `c`, or with several cells `hs` and `cs`."""
    optional = not kind.is_function and not kind.needs
    cells = "self.layers * self.directions"
    none = [f"{n}s = [zeros] * {cells}" if kind.cells > 1 else f"{n} = zeros" for n in kind.states.split(", ")]
    if kind.framework == "torch":
        zeros = "zeros = rows[0].new_zeros(*rows[0].shape[:-1], self.hidden)"
    else:
        zeros = "zeros = np.zeros((*rows[0].shape[:-1], self.hidden))"
    if kind.takes == "nothing":
        return [zeros, *none]
    if not optional:
        return _given(kind)
    asked = {"per cell": "states", "apart": "h0"}.get(kind.takes, "state" if kind.has_c else "h0")
    return [f"if {asked} is None:", *indented([zeros, *none]), "else:", *indented(_given(kind))]


def _given(kind: Kind) -> list[str]:
    """Lines that take the states from the arguments."""
    names = kind.states.split(", ")
    if kind.takes == "per cell" and kind.cells == 1:
        return [f"{kind.states} = states[0]"]
    if kind.takes == "per cell":
        if not kind.has_c:
            return ["hs = list(states)"]
        return ["hs = [state[0] for state in states]", "cs = [state[1] for state in states]"]
    unpacked = {"state": ["h0, c0 = state"] if kind.has_c else [], "swapped": ["c0, h0 = state"]}.get(kind.takes, [])
    if kind.cells > 1:
        return [*unpacked, *(f"{name}s = list({name}0)" for name in names)]
    return [*unpacked, *(f"{name} = {name}0{'' if kind.shape == 'flat' else '[0]'}" for name in names)]


def _step(kind: Kind, n: str, x: str, states: str) -> str:
    if kind.storage == "cells":
        return f"self.cells[{n}]({x}, {states})"
    own = "" if kind.is_function else "self."
    return f"{own}step({n}, {x}, {states})" if kind.cells > 1 else f"{own}step({x}, {states})"


def _advanced(kind: Kind, n: str, x: str) -> list[str]:
    """Lines for one step. Of a packed batch, a row stays as it is where it has ended, or has not begun."""
    if kind.inputs != "packed":
        return [f"{kind.states} = {_step(kind, n, x, kind.states)}"]
    names = kind.states.split(", ")
    new = ", ".join(f"new_{name}" for name in names)
    kept = [f"{name} = torch.where(on, new_{name}, {name})" for name in names]
    return ["on = (t < lengths)[:, None]", f"{new} = {_step(kind, n, x, kind.states)}", *kept]


def _loop(kind: Kind) -> list[str]:
    """Lines that leave the outputs of each step in `rows`, and the last states in `hs` and `cs`, or `h` and `c`."""
    every = kind.gives == "all states"
    begun = "outputs, every_c = [], []" if every else "outputs = []"
    ended = ["outputs.append(h)", *(["every_c.append(c)"] if every else [])]
    if kind.cells == 1:
        steps = [*_advanced(kind, "0", "rows[t]"), *ended]
        return [begun, "for t in range(len(rows)):", *indented(steps), "rows = outputs"]
    many = ", ".join(f"{name}s[n]" for name in kind.states.split(", "))
    if kind.loop == "time":
        layers = [f"{many} = {_step(kind, 'n', 'x_t', many)}", "x_t = hs[n]"]
        steps = ["for n in range(self.layers):", *indented(layers), "outputs.append(x_t)"]
        steps += ["every_c.append(cs[-1])"] if every else []
        return [begun, "for x_t in rows:", *indented(steps), "rows = outputs"]
    if kind.directions == 1:
        steps = [*_advanced(kind, "n", "rows[t]"), *ended]
        layer = [f"{kind.states} = {many}", begun, "for t in range(len(rows)):", *indented(steps)]
        return ["for n in range(self.layers):", *indented([*layer, f"{many} = {kind.states}", "rows = outputs"])]
    steps = [*_advanced(kind, "n", "rows[t]"), "side.append(h)"]
    way = "for t in reversed(range(len(rows))) if d else range(len(rows)):"
    side = ["n = 2 * k + d", f"{kind.states} = {many}", "side = []", way, *indented(steps), f"{many} = {kind.states}"]
    side.append("sides.append(side[::-1] if d else side)")
    layer = [
        "sides = []",
        "for d in range(2):",
        *indented(side),
        f"rows = [{_beside(kind, 'pair')} for pair in zip(*sides)]",
    ]
    return ["for k in range(self.layers):", *indented(layer)]


def _beside(kind: Kind, what: str) -> str:
    return f"torch.cat({what}, -1)" if kind.framework == "torch" else f"np.concatenate({what}, -1)"


def _result(kind: Kind) -> str:
    """What is returned, as an expression."""
    stack = "torch.stack" if kind.framework == "torch" else "np.stack"
    axis = ", 1" if kind.batch_first else ""
    many = kind.cells > 1
    rows = f"{stack}(rows{axis})"
    output = f"pack_padded_sequence({rows}, lengths)" if kind.inputs == "packed" else rows
    final = {n: f"{stack}({n}s)" if many else n if kind.shape == "flat" else f"{n}[None]" for n in "hc"}
    last = "h" if not many else "hs[-1]" if kind.directions == 1 else _beside(kind, "hs[-2:]")
    pair = [final["h"], final["c"]][:: -1 if kind.takes == "swapped" else 1]
    by_linear = kind.framework == "torch" and kind.gives in ("head", "last head")
    below = last if kind.gives == "last head" else rows
    head = f"self.out({below})" if by_linear else f"{below} @ self.Q + self.q"
    named = f'"h_n": {final["h"]}' + (f', "c_n": {final["c"]}' if kind.has_c else "")
    return {
        "output": output,
        "state": f"{output}, ({', '.join(pair)})" if kind.has_c else f"{output}, {final['h']}",
        "apart": f"{output}, {final['h']}, {final['c']}",
        "last": last,
        "per cell": f"{output}, {_per_cell(kind)}",
        "nested": f"{output}, {_nested(kind)}",
        "dict": f'{{"output": {output}, {named}}}',
        "all states": f"{rows}, {stack}(every_c{axis})",
    }.get(kind.gives, head)


def _per_cell(kind: Kind) -> str:
    if kind.cells == 1:
        return "[(h, c)]" if kind.has_c else "[h]"
    return "list(zip(hs, cs))" if kind.has_c else "hs"


def _nested(kind: Kind) -> str:
    """A list over layers of lists over directions."""
    if kind.directions == 1:
        return f"[[state] for state in {_per_cell(kind)}]"
    of = "(hs[2 * k + d], cs[2 * k + d])" if kind.has_c else "hs[2 * k + d]"
    return f"[[{of} for d in range(2)] for k in range(self.layers)]"
