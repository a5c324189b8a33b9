"""The last line of an error about a candidate: the option to try, or else the way to write a wrapper."""

import re
from collections.abc import Collection
from contextlib import suppress

from torch import nn

from rnncheck.errors import CannotRun
from rnncheck.implementations.target import Target, names_a_file_or_module, parse
from rnncheck.model.spec import Spec
from rnncheck.text import printable
from rnncheck.user_code import sizes as sizes_
from rnncheck.user_code.blame import Hint, to_add
from rnncheck.user_code.cells import torch_cell
from rnncheck.user_code.construct import SIZE, construct
from rnncheck.user_code.instances import Instances
from rnncheck.user_code.jax_code import written_in_jax
from rnncheck.user_code.roles import role_of
from rnncheck.user_code.signatures import words

SEVERAL = {"stacked", "stack", "deep", "multi", "multilayer", "two", "2"}
SIZES = {"input_size", "hidden_size"}
MARK = "# COMPLETE: "  # on the lines of a wrapper that rest on a guess
IN_JAX = (
    "Write a module of flax or equinox around it, or a function of its parameters, that takes x and the initial state "
    "and returns every output and the last state; examples/jax has some"
)


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


def as_wide_in_as_out(thing: object, spec: Spec) -> str | None:
    """The name of a torch layer inside that has the hidden size as its input size, too, whatever was asked for."""
    inside = thing.modules() if isinstance(thing, nn.Module) else ()
    layers = [each for each in inside if isinstance(each, nn.RNNBase | nn.RNNCellBase)]
    if layers and all(each.input_size == each.hidden_size == spec.hidden_size for each in layers):
        return f"torch.nn.{type(layers[0]).__name__}"
    return None


def inside_hint(thing: object, takes: Collection[str], spec: Spec) -> Hint | None:
    """The options for a torch layer inside that has other sizes than the spec, which its constructor does not take."""
    layers = [each for each in thing.modules() if isinstance(each, nn.RNNBase)] if isinstance(thing, nn.Module) else []
    if len(layers) != 1:
        return None
    (layer,) = layers
    fixed = {
        name: getattr(layer, name)
        for name in ("input_size", "hidden_size", "num_layers", "bidirectional")
        if (name not in takes or name == "hidden_size") and getattr(layer, name) not in (getattr(spec, name), False)
    }
    if not fixed:
        return None
    arguments = ", ".join(str(getattr(layer, name)) for name in ("input_size", "hidden_size", "num_layers"))
    return to_add(f"It holds a torch.nn.{type(layer).__name__}({arguments})", **fixed)


def first_width(thing: object) -> int | None:
    """The input size of the first of torch's recurrent modules in it."""
    modules = thing.modules() if isinstance(thing, nn.Module) else ()
    return next((each.input_size for each in modules if isinstance(each, nn.RNNBase | nn.RNNCellBase)), None)


def sizes_of(tried: sizes_.Sizes) -> set[int]:
    """The widths that follow from what it was constructed with."""
    spec = tried.spec
    return {spec.input_size, spec.hidden_size, 2 * spec.hidden_size, tried.output_size}


PAIRS_OF_SIZES = tuple(
    re.compile(pattern)
    for pattern in (
        r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\)",
        r"[Ee]xpected (\d+),? (?:but )?got (\d+)",
        r"[Ee]xpected hidden.* size [\[(].*?(\d+)[\])],? got [\[(].*?(\d+)[\])]",
        r"mat1 and mat2 shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)",
    )
)


def fixed_hint(problem: CannotRun, spec: Spec) -> Hint | None:
    """The option for a size that its code fixes, where an error says that it stands beside one of ours."""
    tried = sizes_.all_different(spec)
    ours = {"hidden_size": {tried.spec.hidden_size, spec.hidden_size}, "input_size": {tried.spec.input_size}}
    ours["input_size"] |= {spec.input_size} - ours["hidden_size"]
    known = {1, tried.seq_len, tried.batch_size, tried.output_size}.union(*ours.values())
    for pattern in PAIRS_OF_SIZES:
        if (found := pattern.search(str(problem))) is None:
            continue
        one, other = int(found[1]), int(found[2])
        for option, numbers in ours.items():
            for mine, its in ((one, other), (other, one)):
                if mine in numbers and its not in known:
                    return to_add(f"Its code seems to fix the size {its}", **{option: its})
    return None


def convolves(thing: object) -> bool:
    """Whether it convolves images: no recurrent layer of torch.nn does."""
    inside = thing.modules() if isinstance(thing, nn.Module) else ()
    return any(isinstance(each, nn.Conv2d | nn.Conv3d) for each in inside)


def size_hint(instances: Instances, spec: Spec) -> Hint | None:
    """Which size to give, where the constructor has only one of the two that it could be told, or not to give."""
    constructor = instances.constructor
    if constructor is None:
        return None
    told = [name for name in instances.given if constructor.roles.get(name) == "output_size"]
    if told:
        return Hint(f"Leave --arg {told[0]}=... out: a head as wide as the states can hand them on")
    if instances.given:
        return None
    with suppress(CannotRun):
        tried = sizes_.all_different(spec)
        different = construct(instances.loaded, constructor, tried.spec, tried.output_size)
        if is_embedded(different, tried.spec):
            return to_add("Its embedding is as wide as its hidden state", input_size=spec.hidden_size)
        if (layer := as_wide_in_as_out(different, tried.spec)) is not None:
            as_many = f"As it is made, the {layer} in it reads as many features as it has units"
            return to_add(as_many, input_size=spec.hidden_size)
        thing = construct(instances.loaded, constructor, spec, sizes_.output_size(spec))
        if convolves(thing):
            return Hint("It convolves images, which no recurrent layer of torch.nn does")
        if (cell := torch_cell(thing)) not in (None, spec.cell):
            return Hint(f"It holds torch.nn's layer of another cell; add --cell {cell}")
        if hint := inside_hint(thing, constructor.takes, spec):
            return hint
        width = first_width(different)
        own = width is not None and width not in (spec.input_size, *sizes_of(tried))
        if width is not None and own and "input_size" not in constructor.takes:
            return to_add(f"Its first recurrent layer reads {width} features", input_size=width)
    roles = constructor.roles.items()
    guessed = [name for name, role in roles if role in SIZES and role_of(name) != role and not SIZE.search(name)]
    if guessed:
        said = f"rnncheck took {guessed[0]} for a size, which its name does not say"
        return Hint(f"{said}; give its value with --arg {guessed[0]}=VALUE")
    match constructor.takes & {*SIZES, "config"}:
        case sizes if sizes == {"input_size"} and spec.input_size != spec.hidden_size:
            return to_add("Its constructor takes one size, which may be that of both", input_size=spec.hidden_size)
        case sizes if sizes == {"hidden_size"} and spec.input_size != 1:
            return to_add("Its constructor takes no input size, so the layer may read one feature", input_size=1)
    return None


def marked(target: Target) -> list[int]:
    """The lines of a wrapper that are marked as to be completed."""
    try:
        text = "" if target.file is None else target.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return [n for n, line in enumerate(text.splitlines(), 1) if MARK in line]


def way_out(named: object, thing: object) -> str:
    """How to write a wrapper. `named` is the name of the layer, or the layer itself: `thing`."""
    if written_in_jax(thing):
        return IN_JAX
    if isinstance(named, str) and names_a_file_or_module(named):
        if lines := marked(parse(named)):
            numbers = ", ".join(map(str, lines))
            return f"Complete the lines of the wrapper that are marked {MARK.strip(' #:')}: {numbers}"
        return (
            f"Try 'rnncheck adapt {printable(named, 200)} -o adapted.py': it writes a wrapper and marks the lines to "
            "complete; then compare adapted.py:Adapted"
        )
    return "Wrap it in a class of a few lines with the forward(x, state) of torch.nn"
