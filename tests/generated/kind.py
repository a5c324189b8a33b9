"""What a generated layer is: one choice on every axis, and which choices go together."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

AXES: dict[str, tuple[object, ...]] = {
    "cell": ("rnn", "lstm", "gru"),
    "layers": (1, 2, 3),
    "directions": (1, 2),
    "form": ("layer", "cell", "function", "step"),
    "inputs": ("TBI", "BTI", "TI", "BT", "list", "packed", "ids", "one-hot"),
    "takes": ("nothing", "state", "swapped", "apart", "per cell"),
    "needs": (False, True),
    "shape": ("stacked", "flat"),
    "gives": ("output", "state", "apart", "last", "per cell", "nested", "dict", "all states", "head", "plain head",
              "square head", "last head"),
    "packing": ("fused", "per gate", "[x;h]", "[h;x]"),
    "turned": (False, True),
    "order": ("torch", "own"),
    "biases": (2, 1, 0),
    "storage": ("torch", "attributes", "linears", "list", "dict", "buffers", "cells", "given", "arguments"),
    "loop": ("layers", "time"),
    "names": ("size", "dim", "short"),
    "sizes": ("options", "fixed"),
    "framework": ("torch", "numpy"),
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One layer to generate.

    cell, layers, directions: what it computes.
    form: a layer over a sequence or a cell for one step, as classes; a function over a sequence, or a step as one.
    inputs: the axes of x, or "list" of T tensors, "packed", token "ids" with an embedding inside, "one-hot" inside;
        "BT" holds one number a step.
    takes: the state that it can be given: one object as torch's, (c, h), two arguments, or a list with one each cell.
    needs: whether it must be given one.
    shape: of a state of one cell: (1, B, H) or (B, H).
    gives: what it returns, a head among it.
    packing, turned, order, biases: how the weights of one cell are cut up, which axis is first, in which order the
        gates come, and how many biases each gate has.
    storage: where the weights are.
    """

    cell: str = "rnn"
    layers: int = 1
    directions: int = 1
    form: str = "layer"
    inputs: str = "TBI"
    takes: str = "state"
    needs: bool = False
    shape: str = "stacked"
    gives: str = "state"
    packing: str = "fused"
    turned: bool = False
    order: str = "torch"
    biases: int = 2
    storage: str = "attributes"
    loop: str = "layers"
    names: str = "size"
    sizes: str = "options"
    framework: str = "torch"

    @property
    def cells(self) -> int:
        return self.layers * self.directions

    @property
    def has_c(self) -> bool:
        return self.cell == "lstm"

    @property
    def one_step(self) -> bool:
        return self.form in ("cell", "step")

    @property
    def is_function(self) -> bool:
        return self.form in ("function", "step")

    @property
    def states(self) -> str:
        """The names of one cell's states in its source."""
        return "h, c" if self.has_c else "h"

    @property
    def batch_first(self) -> bool:
        """Whether rows of the batch come before steps."""
        return self.inputs in ("BTI", "BT", "ids")

    @property
    def says(self) -> str:
        """The choices that are not the default, as one line."""
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        return ", ".join(f"{name} {value}" for name, value in said.items() if value != getattr(Kind, name))


RULES = (
    (lambda k: k.takes not in ("swapped", "apart") or k.has_c, "two states are the LSTM's"),
    (lambda k: k.gives not in ("apart", "all states") or k.has_c, "two states are the LSTM's"),
    (lambda k: k.gives != "all states" or (k.directions == 1 and k.form == "layer"), "c of one direction alone"),
    (lambda k: not k.needs or k.takes != "nothing", "nothing is needed"),
    (lambda k: not k.needs or k.form == "layer", "the others need theirs anyway"),
    (lambda k: k.takes != "swapped" or k.gives not in ("apart", "per cell", "nested"), "one order"),
    (lambda k: k.inputs != "packed" or "head" not in k.gives or k.gives == "last head", "padding is not looked at"),
    (lambda k: k.gives != "all states" or k.inputs != "packed", "padding is not looked at"),
    (lambda k: not (k.form == "function" and k.gives in ("per cell", "nested")), "a kernel has one cell"),
    (lambda k: k.storage != "cells" or not k.one_step, "a cell in a cell"),
    (lambda k: k.storage != "given" or k.inputs != "one-hot", "sizes that nobody says"),
    (lambda k: k.shape == "stacked" or k.cells == 1, "several cells have a state each"),
    (lambda k: k.shape == "flat" or k.inputs != "TI", "without a batch a state of one cell has one axis"),
    (lambda k: k.takes != "per cell" or k.shape == "stacked", "a list holds states without an axis for the cells"),
    (lambda k: k.loop == "layers" or k.directions == 1, "a backward direction needs all steps at once"),
    (lambda k: k.inputs != "packed" or (k.loop == "layers" and k.framework == "torch"), "a torch thing"),
    (lambda k: k.inputs not in ("ids", "one-hot", "list") or k.framework == "torch", "in torch alone"),
    (lambda k: k.packing in ("fused", "per gate") or k.biases < 2, "one matrix, one bias"),
    (lambda k: k.storage != "torch" or (k.packing, k.order) == ("fused", "torch"), "torch's names have a meaning"),
    (lambda k: k.storage != "torch" or k.biases != 1, "torch has two biases or none"),
    (lambda k: k.storage != "linears" or not k.turned, "nn.Linear has its own orientation"),
    (lambda k: k.storage not in ("linears", "buffers", "cells") or k.framework == "torch", "modules are torch's"),
    (lambda k: k.storage != "given" or (k.cells == 1 and k.packing == "fused"), "few tensors are handed over"),
    (lambda k: k.storage != "given" or k.inputs != "ids", "an embedding has sizes"),
    (lambda k: (k.storage == "arguments") == k.is_function, "a function's weights are its arguments"),
    (lambda k: not k.is_function or (k.cells == 1 and k.packing == "fused" and k.order == "torch"), "a kernel"),
    (lambda k: not k.is_function or "head" not in k.gives, "a kernel has no head"),
    (lambda k: not k.is_function or k.inputs in ("TBI", "BTI"), "a kernel takes one tensor"),
    (lambda k: not k.one_step or (k.cells == 1 and k.shape == "flat" and k.inputs == "TBI"), "one cell, x (B, I)"),
    (lambda k: not k.one_step or k.takes not in ("nothing", "per cell"), "a step needs a state"),
    (lambda k: not k.is_function or k.takes not in ("nothing", "per cell"), "a kernel is given its state"),
    (lambda k: not k.one_step or k.gives in ("last", "state", "apart", "dict"), "a step returns a state"),
    (lambda k: not (k.one_step and k.has_c) or k.gives != "last", "c goes on to the next step"),
    (lambda k: not k.one_step or k.loop == "layers", "no loop"),
    (lambda k: k.order == "torch" or k.cell != "rnn", "one gate"),
    (lambda k: k.order == "torch" or k.packing != "per gate", "gates have names"),
    (lambda k: k.names == "size" or not k.is_function, "no constructor"),
    (lambda k: k.sizes == "options" or k.cells > 1, "one cell has nothing to say"),
    (lambda k: k.storage not in ("given", "cells") or k.names == "size", "the names are elsewhere"),
    (lambda k: not (k.cell == "gru" and k.packing == "per gate") or k.biases < 2, "shown by fused already"),
)  # fmt: skip


def allowed(kind: Kind) -> bool:
    return all(rule(kind) for rule, _ in RULES)


def product() -> Iterator[Kind]:
    """Every layer that there can be, in a fixed order."""
    for values in itertools.product(*AXES.values()):
        kind = Kind(**dict(zip(AXES, values, strict=True)))
        if allowed(kind):
            yield kind


def drawn(random_: random.Random) -> Kind:
    """One of them by chance: choices are changed one at a time, and kept where they go together."""
    kind = Kind()
    axes = list(AXES)
    for _ in range(3):
        random_.shuffle(axes)
        for axis in axes:
            choice = random_.choice(AXES[axis])
            if choice != getattr(kind, axis) and allowed(changed := replace(kind, **{axis: choice})):
                kind = changed
        form = random_.choice((Kind(), Kind(form="cell", shape="flat"), *FUNCTIONS))
        kind = form if random_.random() < 0.1 else kind
    return kind


FUNCTIONS = (Kind(form="function", storage="arguments"), Kind(form="step", shape="flat", storage="arguments"))


def sample(count: int, seed: int = 0) -> list[Kind]:
    """`count` different ones, the same for the same seed."""
    random_, found = random.Random(seed), {}
    while len(found) < count:
        found[drawn(random_)] = None
    return list(found)


def each_choice(seed: int = 0) -> list[Kind]:
    """Few layers among which is every choice of every axis."""
    return _covering(sample(600, seed), seed, 1)


def pairs(seed: int = 0) -> list[Kind]:
    """Few layers in which every two choices that go together stand beside each other at least once."""
    return _covering(sample(6000, seed), seed, 2)


def _covering(pool: list[Kind], seed: int, together: int) -> list[Kind]:
    """Few of the pool, with all choices that stand `together` in one of it."""
    random_, chosen = random.Random(seed), []
    missing = set().union(*(_choices(kind, together) for kind in pool))
    while missing:
        best = max(random_.sample(pool, 200), key=lambda kind: len(_choices(kind, together) & missing))
        if found := _choices(best, together) & missing:
            chosen.append(best)
            missing -= found
    return chosen


def _choices(kind: Kind, together: int) -> set[tuple[tuple[str, object], ...]]:
    said = [(f.name, getattr(kind, f.name)) for f in fields(kind)]
    return set(itertools.combinations(said, together))
