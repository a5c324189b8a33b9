"""The meaning of a constructor's parameters, from their names."""

import inspect
import re
from collections.abc import Mapping, Sequence

from torch import nn

# By what is left of a name without case and underscores.
ROLES: Mapping[str, Sequence[str]] = {
    "input_size": (
        r"inputs?((size|sz|dim|dims|features?|units|length|channels?|d|n))?",
        r"inp?(dims?|size|sz|features|channels|d)",
        r"d(im)?in(put)?|xdim|dx|nx|xsize|idim|isize|ninp",
        r"n(um)?in(puts?)?|n(um)?features?|features?(size|dim)?|n(um)?chars|alphabetsize",
        r"(d|n)?emb(e?d|edding)?s?(size|sz|dim|layer|module)?|vocab(ulary)?(size|sz|len)?|(d|n)?feats?|[a-z]*vec(tor)?(size|dim)",
    ),
    "hidden_size": (
        r"hidden(s|size|sz|dims?|units|features|state(size|dim))?|hid(den)?(dim|size|sz|s)?|d?hid(den)?|dimh(idden)?",
        r"d?model(dim|size)?|hdim|hsize|dh|hd|na|d?state|nstates?|numcells|memorysize",
        r"n(um)?h(id|idden|iddens|(id|idden)units)?|n(um)?units|units",
        r"(rnn|lstm|gru|cell|state|h)(size|sz|dim|units)",
    ),
    "output_size": (
        r"outputs?(size|sz|dim|features|units)?|out(dim|size|sz|features|channels|put)?|odim|osize",
        r"n(um)?out(puts?)?|n(um)?(classes|labels|categories|tags)|classes|d(im)?out(put)?|ny|ydim|dy",
        r"target(size|dim)|tagset(size)?|ntokens?|dec(oder)?hid(den)?(size|dim|units)?",
    ),
    "num_layers": (r"(n|num|numberof)?(rnn|lstm|gru|hidden)?layers?(num|count|dim|size|n)?|depth|stacks?",),
    "bias": (r"(use|with|has|add)?bias(es)?",),
    "batch_first": (r"(is)?batchfirst",),
    "dropout": (r"(p|rnn|lstm|gru)?drop(out)?(p|rate|prob|ratio)?",),
    "bidirectional": (r"(is|use)?bi(dir|directional|direction|direct(flag)?)|bi(rnn|lstm|gru)?|brnn",),
    "proj_size": (r"(rec)?proj(ection)?(size|dim)",),
    "nonlinearity": (r"non_?linearity|act(ivation)?(fn|func|function|name)?|nonlin|phi",),
    "mode": (r"mode|(cell|rnn|layer|model|unit)(type|name|kind|class)|cell|rnn|kind",),
    "device": (r"device|dev",),
    "dtype": (r"dtype",),
    "config": (r"config|cfg|conf|args|opts?|options?|hparams?|hps?|param(eter)?s?|settings|hyperparam(eter)?s",),
}
VOCABULARY = re.compile(r"(n|num|len|src|tgt)?vocab(ulary)?(size|sz|len|dim)?|n(um)?(embeddings|words|tokens?|chars)")
# Of parameters that change nothing that is compared, or are off: rates of dropout, those of an optimizer, the longest
# sequence, and what a recurrent layer of torch does not do.
OF_TRAINING: Mapping[re.Pattern[str], object] = {
    re.compile(r".*(drop|zoneout).*|prob(ability)?"): 0.0,
    re.compile(r"(use|with|is)?(gpu|cuda|(layer|batch)norm)"): False,
    re.compile(r"learningrate|learnrate|lr|momentum|weightdecay|l2(lambda|reg)?|clip(norm|value)?"): 0.01,
    re.compile(r"(n|num|max)?(epochs?|iterations?|iters?)"): 1,
    re.compile(r"max(imum)?(seq(uence)?)?_?len(gth)?|(block|context)(size|len(gth)?)"): 1000,
}
OF_A_HEAD = re.compile(r"n?(um)?(classes|labels|categories|tags|tokens?)|tag.*|target.*")  # never as wide as a state
EMBEDDED = re.compile(r"(d|n)?emb(e?d|edding)?s?(size|sz|dim)")
# Of parameters that say for how many timesteps and rows a layer is made: the place of each in the shape of the run.
OF_SHAPE: Mapping[re.Pattern[str], int] = {
    re.compile(r"(num|n)?(seq(uence)?|time|t)_?(len(gth)?|steps?|size)|(num|n)?steps|seqlens?|unroll(len(gth)?)?"): 0,
    re.compile(r"(n|num)?batch(size|sz|es)?|bs|bsz"): 1,
}
PATTERNS = {role: re.compile("|".join(patterns)) for role, patterns in ROLES.items()}


OF_THE_LAYER = re.compile(r"(rnn|lstm|gru|enc(oder)?)_", re.IGNORECASE)  # before the name of a size
SIZED = ("input_size", "hidden_size", "output_size", "num_layers", "dropout", "bidirectional")


# torch's classes of each cell, of sequences and of one step, by the cell's name.
TORCH: Mapping[str, tuple[type[nn.Module], type[nn.Module]]] = {
    "rnn": (nn.RNN, nn.RNNCell),
    "lstm": (nn.LSTM, nn.LSTMCell),
    "gru": (nn.GRU, nn.GRUCell),
}
A_LABEL = re.compile(r".*(name|scope|prefix|key|label|path|file|dir)")  # of parameters that may name anything


def cell_of_default(default: object) -> str | None:
    """The cell that a parameter's default names: a text such as "LSTM" or "GRUCell", or a class of torch's."""
    if isinstance(default, str):
        bare = default.lower().removesuffix("cell")
        return bare if bare in ("lstm", "gru") else None
    return next((cell for cell, classes in TORCH.items() if any(default is each for each in classes)), None)


def role_of(name: str) -> str | None:
    bare = name.lower().replace("_", "")
    found = next((role for role, pattern in PATTERNS.items() if pattern.fullmatch(bare)), None)
    if found is None and (said := OF_THE_LAYER.match(name)):
        inner = role_of(name[said.end() :])
        found = inner if inner in SIZED else None
    return found


def of_shape(name: str) -> int | None:
    """0 for a parameter that is the number of timesteps, 1 for one that is that of rows; None for any other."""
    bare = name.lower().replace("_", "")
    return next((place for pattern, place in OF_SHAPE.items() if pattern.fullmatch(bare)), None)


def of_training(name: str) -> object:
    """The usual value of a parameter that changes nothing that is compared; None for any other."""
    bare = name.lower().replace("_", "")
    return next((value for pattern, value in OF_TRAINING.items() if pattern.fullmatch(bare)), None)


def is_embedding(name: str) -> bool:
    """Whether it is called an embedding, not a size of one."""
    return re.fullmatch(r"emb(ed|edding)?s?(layer|module)?", name.lower().replace("_", "")) is not None


def roles(parameters: Mapping[str, inspect.Parameter]) -> dict[str, str]:
    """The role of each parameter that has one; what is required and has none becomes an input or hidden size, if those
    are still to be had: they come first, and in this order, nearly always.
    """
    found = {name: role for name in parameters if (role := role_of(name))}
    modes = [name for name, each in parameters.items() if cell_of_default(each.default)]
    modes = [name for name in modes if not A_LABEL.fullmatch(name.lower())]
    if "mode" not in found.values() and len(modes) == 1:
        found[modes[0]] = "mode"
    for name, each in parameters.items():  # a table of numbers that may be given
        if each.default is None and is_embedding(name):
            found.pop(name, None)
    words = [name for name in parameters if VOCABULARY.fullmatch(name.lower().replace("_", ""))]
    if {name for name, role in found.items() if role == "input_size"} - set(words):  # of an embedding, x's size
        found |= dict.fromkeys(words, "vocab_size")
    inputs = [name for name, role in found.items() if role == "input_size"]
    embedded = [name for name in inputs if EMBEDDED.fullmatch(name.lower().replace("_", ""))]
    needed = [name for name in embedded if parameters[name].default is inspect.Parameter.empty]
    if len(inputs) == 2 and len(embedded) == len(needed) == 1 and not words:  # the other is the number of tokens
        found[next(name for name in inputs if name not in embedded)] = "vocab_size"
    for name, role in list(found.items()):  # the first of a kind, and of sizes those that must be given: all alike
        earlier = [other for other in found if other != name and found[other] == role]
        needed_size = role in ("input_size", "hidden_size") and parameters[name].default is inspect.Parameter.empty
        if earlier and not needed_size and list(found).index(earlier[0]) < list(found).index(name):
            del found[name]
    required = [each.name for each in parameters.values() if each.default is inspect.Parameter.empty]
    unknown = [name for name in required if name not in found and of_training(name) is None and of_shape(name) is None]
    outputs = [name for name, role in found.items() if role == "output_size"]
    outputs = [name for name in outputs if not OF_A_HEAD.fullmatch(name.lower().replace("_", ""))]
    if "hidden_size" not in found.values() and outputs and not unknown:
        found[outputs[0]] = "hidden_size"  # a cell may call its state's size its output's
    if "hidden_size" not in found.values() and "features" in found:  # what flax calls the size of a layer's outputs
        found["features"] = "hidden_size"
    for role in ("input_size", "hidden_size"):
        if role not in found.values() and unknown and "config" not in found.values():
            found[unknown.pop(0)] = role
    bare = len(unknown) == 1 and len(unknown[0]) == 1
    if bare and not {"output_size", "config"} & set(found.values()):
        found[unknown[0]] = "output_size"  # i, h, o
    return found
