"""What the name of a tensor suggests. A name only decides between options that the measurement leaves open."""

import re

from rnncheck.model.spec import Cell

_TORCH = re.compile(r"(?:.*\.)?(?P<kind>weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)(?:_l\d+(?:_reverse)?)?")
_NOISE = {
    "weight",
    "bias",
    "cell",
    "cells",
    "layer",
    "layers",
    "rnn",
    "lstm",
    "gru",
    "params",
    "kernel",
    "linear",
    "lin",
}
_PLACE = re.compile(r"_?l?\d+(?:_reverse)?$")
_SORT = re.compile(r"(?:weight|bias|kernel|[wubr])_?", re.IGNORECASE)
_BIAS = re.compile(r"b[a-z]{0,2}\d*|b_\w+|shift")
_START = re.compile(
    r"(?:[hcs]x?|hidden|state|cell|mem(?:ory)?)_?(?:0|zero|init(?:ial)?|start|begin)(?:_?state)?"
    r"|(?:init(?:ial)?|start|begin|learned|zero)_?(?:[hcs]x?|hc|hidden|state|cell|mem(?:ory)?)?_?(?:0|state)?"
)
_HEAD = re.compile(
    r"fc\d*|out(put)?|head|dec(oder)?|proj|y|v|by|wy|w?[ah]y|why|way|wya|bya|bay|h2[oy]|i2o|logits|classifier|readout|emb\w*"
)
_RECURRENT = re.compile(
    r"w?hh|h2h|w?aa|b?aa|hid2hid|u|b?u\w?|r|rec\w*|hidden|wh|bh|dense_h|h|w?_?h[ifgocrzn]|h2[ifgocrzn]|h\w|wa|w?[ifgocrzn]h"
)
_INPUT = re.compile(
    r"w?ih|w?xh|w?hx|i2h|x2h|w?ax|b?ax|in2hid|w|wx|bx|x|in(put|p)?|dense_i|w?_?x[ifgocrznh]|[ix]2[ifgocrzn]|i\w|x\w|w?[ifgocrzn]x"
)
_GATE_THEN_SIDE = re.compile(r"(?:\w_)?[ifgocrzn]_(?P<side>[xh])")  # W_i_h is that of the gate i, unlike W_ih
_GATES = {
    Cell.RNN: {},
    Cell.LSTM: {
        "i": "i|in|input|ig|update",
        "f": "f|forget|fg|if_",
        "g": "g|c|cell|cand\\w*|gate|n|j|a",
        "o": "o|out|output|og",
    },
    Cell.GRU: {"r": "r|reset", "z": "z|u|update", "n": "n|h|c|g|new|cand\\w*|hat|tilde"},
}


def torch_kind(name: str) -> str | None:
    """`weight_ih`, `bias_hh`, ... for a tensor with one of torch's names."""
    match = _TORCH.fullmatch(name)
    return match["kind"] if match else None


def words(name: str) -> list[str]:
    """The meaningful parts of a dotted name, in lower case, the innermost last."""
    parts = [part for part in name.split(".") if not part.isdigit()]
    said = [_PLACE.sub("", part.lower()) for part in parts if part.lower() not in _NOISE]
    return [part for part in said if part] or [part.lower() for part in parts[-1:]]


def is_head(name: str) -> bool:
    """Whether the name suggests a head or an embedding."""
    return any(_HEAD.fullmatch(piece) for word in words(name)[-1:] for piece in (word, word.replace("_", "")))


def side(name: str) -> str | None:
    """ "x" or "h" if the name says which of the two a weight multiplies."""
    if apart := _GATE_THEN_SIDE.fullmatch(words(name)[-1]):
        return apart["side"]
    word = words(name)[-1].replace("_", "")
    if _INPUT.fullmatch(word):
        return "x"
    return "h" if _RECURRENT.fullmatch(word) else None


def gate(name: str, cell: Cell) -> str | None:
    """The gate that the name suggests."""
    word = words(name)[-1]
    pieces = [piece for piece in word.split("_") if piece]
    last = re.sub(r"^(?:w|u|b|v|h2|i2|x2)(?=.)", "", pieces[-1]) if pieces else ""
    for piece in (*pieces[::-1], last, last[-1:]):
        for letter, pattern in _GATES[cell].items():
            if re.fullmatch(pattern, piece):
                return letter
    return None


def is_bias(name: str) -> bool:
    return "bias" in name.lower() or _BIAS.fullmatch(words(name)[-1]) is not None


_GRADIENT = re.compile(r"grad\w*|dL_d\w*|d_?[WUVb]\w{0,3}")


def is_start(name: str) -> bool:
    """Whether the name suggests an initial state."""
    return _START.fullmatch(name.rpartition(".")[2].lower()) is not None


def is_gradient(name: str) -> bool:
    """Whether the name says that it holds a gradient, as in code without autograd: grads.0, dWx, dL_dW."""
    return any(_GRADIENT.fullmatch(part) for part in name.split("."))


def family(name: str) -> str:
    """The part of a name that a bias shares with its weight: `cell.ih` of `cell.ih.bias`."""
    owner, _, own = name.rpartition(".")
    return owner if own in ("weight", "bias") else ""


def shared(name: str) -> tuple[str, str, str]:
    """What a bias may share with the weight it stands beside, most first: all but what says which of the two it is
    (`cell.ih_l1` of `cell.bias_ih_l1`), the number of its place, or the owner alone."""
    owner, _, own = name.rpartition(".")
    place = _PLACE.search(own)
    return f"{owner}.{_SORT.sub('', own, count=1)}", f"{owner}.{place[0]}" if place else "", owner
