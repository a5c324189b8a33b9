"""Hints about the sizes, directions and layers of a candidate: from its name, and from the torch layer inside it."""

from collections.abc import Collection

from torch import nn

from rnncheck.model.spec import Spec
from rnncheck.user_code.signatures import words

SEVERAL = {"stacked", "stack", "deep", "multi", "multilayer", "two", "2"}


def shape_hint(called: str, takes: Collection[str], spec: Spec) -> str | None:
    """The option to try, if the name suggests directions or layers that the spec does not have."""
    said = set(words(called.replace("RNN", "Rnn").replace("LSTM", "Lstm").replace("GRU", "Gru")))
    if not spec.bidirectional and "bidirectional" not in takes and said & {"bi", "bidirectional"}:
        return f"The name {called} suggests both directions: --bidirectional compares it with a bidirectional layer"
    if spec.num_layers == 1 and "num_layers" not in takes and said & SEVERAL:
        return f"The name {called} suggests several layers: --num-layers N compares it with N layers"
    return None


def is_embedded(thing: object, spec: Spec) -> bool:
    """Whether it holds an embedding whose vectors are as wide as the hidden state, which differs from the input."""
    inside = thing.modules() if isinstance(thing, nn.Module) else ()
    widths = {each.embedding_dim for each in inside if isinstance(each, nn.Embedding)}
    return spec.hidden_size in widths and spec.input_size not in widths


def inside_hint(thing: object, takes: Collection[str], spec: Spec) -> str | None:
    """The options for a torch layer inside that has other sizes than the spec, which its constructor does not take."""
    layers = [each for each in thing.modules() if isinstance(each, nn.RNNBase)] if isinstance(thing, nn.Module) else []
    if len(layers) != 1:
        return None
    (layer,) = layers
    fixed = {
        name: getattr(layer, name)
        for name in ("input_size", "hidden_size", "num_layers", "bidirectional")
        if name not in takes and getattr(layer, name) not in (getattr(spec, name), False)
    }
    if not fixed:
        return None
    options = [f"--{name.replace('_', '-')}" + ("" if value is True else f" {value}") for name, value in fixed.items()]
    arguments = ", ".join(str(getattr(layer, name)) for name in ("input_size", "hidden_size", "num_layers"))
    return f"It holds a torch.nn.{type(layer).__name__}({arguments}); to compare that, add {' '.join(options)}"
