"""The weights of one recurrent layer in a file of Keras: `model.keras`, `model.weights.h5`, or the older `model.h5`.

`model.keras::lstm_1` names one of several. A .keras file is a zip archive with the weights as HDF5 in it; HDF5 is read
with h5py, without Keras, and no code in a file is run. Layers are found by their arrays: a kernel (I, G*H), a
recurrent_kernel (H, G*H) and a bias, which newer files call 0, 1 and 2.
"""

import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnncheck.errors import WeightsError
from rnncheck.extras import needed
from rnncheck.implementations.keras_layout import from_keras
from rnncheck.mistaken import START, known, refusal
from rnncheck.model.spec import Cell
from rnncheck.model.tensor_file import BEHIND
from rnncheck.text import printable

SUFFIXES = (".keras", ".h5", ".hdf5")
NAMES = ("kernel", "recurrent_kernel", "bias")
SIDES = {"forward": "", "backward": "_reverse"}
MOST_NUMBERS = 2**31  # of one array, which a damaged file may claim to have many of
OTHER_SETTINGS = {"activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": True, "go_backwards": False}
RESETS_BEFORE = "reset_after=False, which torch's GRU is not: compare it with --against variant:gru-reset-before"


@dataclass
class LayerInFile:
    """A recurrent layer in a file: the arrays of each direction, by the suffix of torch's names."""

    name: str
    path: str
    sides: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    @property
    def cell(self) -> Cell:
        recurrent = next(iter(self.sides.values()))["recurrent_kernel"]
        return next(cell for cell in Cell if cell.gates * recurrent.shape[0] == recurrent.shape[1])


def names_a_keras_file(path: str) -> bool:
    return path.partition(BEHIND)[0].lower().endswith(SUFFIXES)


def read(named: str) -> tuple[dict[str, Tensor], list[str]]:
    """The weights of the layer by torch's names, and notes: on settings of the layer that torch does not have.

    Raises `WeightsError` for a file that cannot be read, and where it is not clear which of its layers is meant.
    """
    path, _, wanted = named.partition(BEHIND)
    shown = printable(path, 200)
    needed(f"{shown}, a file of Keras,", "keras", "h5py")
    archive, config = opened(path, shown)
    with archive:
        try:
            layers, config = layers_in(archive), config or config_of(archive)
        except Exception as problem:  # of the HDF5 library
            raise damaged(shown, problem) from None
    layer = chosen(layers, wanted, shown)
    what, found = f"{shown}{BEHIND}{printable(layer.name, 60)}", dict[str, Tensor]()
    for side, tensors in layer.sides.items():
        found |= from_keras(layer.cell, tensors, f"_l0{side}", what)
    notes = [f"{what} has {said}" for said in other_settings(config, layer)]
    if any(each["bias"].dim() == 2 for each in layer.sides.values() if "bias" in each):
        return found, notes
    if "bias_ih_l0" in found:
        notes.append(f"{what} has one bias, read as bias_ih; bias_hh is zero")
    return found, notes


def opened(path: str, shown: str) -> tuple[Any, Mapping[str, Any]]:
    """The file as HDF5, and the configuration of a .keras file."""
    import h5py

    config: Mapping[str, Any] = {}
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise WeightsError(f"{shown} does not exist") from None
    except (OSError, ValueError) as problem:
        raise WeightsError(f"{shown} cannot be read: {getattr(problem, 'strerror', None) or problem}") from None
    kind = known(content[:START], io.BytesIO(content))
    if kind is not None and not any(each in SUFFIXES for each in kind.suffixes):
        said = refusal(path, "weights", content[:START], io.BytesIO(content), by_suffix=False)
        raise WeightsError(said or f"{shown} is {kind.what}; rename it, because its suffix is one of Keras")
    if zipfile.is_zipfile(io.BytesIO(content)):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                config = json.loads(archive.read("config.json"))
                content = archive.read("model.weights.h5")
        except Exception:  # of zip, of zlib, of json
            raise WeightsError(f"{shown} is damaged; save it or download it again") from None
    elif not content.startswith(b"\x89HDF"):
        raise WeightsError(f"{shown} is neither a .keras file nor HDF5, or is damaged; save it or download it again")
    try:
        return h5py.File(io.BytesIO(content), "r"), config if isinstance(config, dict) else {}
    except Exception as problem:  # of the HDF5 library
        raise damaged(shown, problem) from None


def damaged(shown: str, problem: Exception) -> WeightsError:
    return WeightsError(f"{shown} is damaged: {printable(str(problem), 100)}; save it or download it again")


def layers_in(archive: Any) -> list[LayerInFile]:
    """Every recurrent layer of the file, in the order of the file."""
    groups = defaultdict[str, dict[str, Any]](dict)

    def visit(path: str, each: Any) -> None:
        if hasattr(each, "shape"):
            group, _, name = path.rpartition("/")
            name = name.removesuffix(":0")
            groups[group][NAMES[int(name)] if name in ("0", "1", "2") else name] = each

    archive.visititems(visit)
    found = dict[str, LayerInFile]()
    for group, arrays in groups.items():
        if not is_recurrent(arrays):
            continue
        path, side = owner(group, older="layer_names" in archive.get("model_weights", archive).attrs)
        layer = found.setdefault(path, LayerInFile(title(archive, path), path))
        tensors = {name: torch.from_numpy(arrays[name][()]).double() for name in NAMES if name in arrays}
        layer.sides[side] = tensors
    return list(found.values())


def is_recurrent(arrays: Mapping[str, Any]) -> bool:
    """Whether these are the arrays of a cell of Keras; a Dense has no second matrix."""
    kernel, recurrent = (tuple[int, ...](getattr(arrays.get(name), "shape", ())) for name in NAMES[:2])
    if len(kernel) != 2 or len(recurrent) != 2 or kernel[1] != recurrent[1] or not all((*kernel, *recurrent)):
        return False
    gates = recurrent[1] / recurrent[0]
    small = all(each.size < MOST_NUMBERS and each.dtype.kind == "f" for each in arrays.values())
    return gates in [cell.gates for cell in Cell] and small


def owner(group: str, *, older: bool) -> tuple[str, str]:
    """The layer that a group of arrays belongs to, and the suffix of its direction."""
    parts = [each for each in group.split("/") if each not in ("vars", "model_weights")]
    side = next((SIDES[way] for each in reversed(parts) for way in SIDES if each.startswith(f"{way}_")), "")
    if older:  # layer/model/layer/cell
        return parts[0], side
    parts = parts[:-1] if parts[-1:] == ["cell"] else parts
    return "/".join(parts[:-1] if parts[-1].endswith("ward_layer") else parts), side


def title(archive: Any, path: str) -> str:
    """The name of a layer: Keras writes it beside the arrays, or as the name of their group."""
    variables = archive.get(f"{path}/vars")
    return str(variables.attrs.get("name", "")) if variables is not None else path.rpartition("/")[2]


def chosen(layers: list[LayerInFile], wanted: str, shown: str) -> LayerInFile:
    """The layer of that name, or the only one. Raises `WeightsError` if there is none, or several."""
    if not layers:
        raise WeightsError(f"{shown} holds no recurrent layer: no kernel beside a recurrent_kernel")
    listed = ", ".join(f"{printable(each.name, 60)} ({each.cell})" for each in layers)
    if not wanted and len(layers) == 1:
        return layers[0]
    matching = [each for each in layers if wanted in (each.name, each.path, each.path.rpartition("/")[2])]
    exact = [each for each in matching if each.name == wanted] or matching
    if len(exact) == 1:
        return exact[0]
    if not wanted:
        first = printable(layers[0].name, 60)
        raise WeightsError(f"{shown} holds {len(layers)} recurrent layers: {listed}; name one, as in {shown}::{first}")
    raise WeightsError(f"{shown} has no recurrent layer {printable(wanted, 60)}; there are {listed}")


def config_of(archive: Any) -> Mapping[str, Any]:
    """The configuration that the older format keeps beside the weights."""
    try:
        found = json.loads(archive.attrs.get("model_config", "{}"))
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def other_settings(config: object, layer: LayerInFile) -> list[str]:
    """The settings with which the layer computes what torch's does not."""
    said = []
    for each in configured(config, layer.name):
        for name, usual in OTHER_SETTINGS.items():
            value = each.get(name, usual)
            if name == "activation" and layer.cell is Cell.RNN and value == "relu":
                said.append("activation=relu: compare it with --nonlinearity relu")
            elif name == "reset_after" and not value:
                said.append(RESETS_BEFORE)
            elif value != usual:
                said.append(f"{name}={printable(str(value), 40)}, which torch's does not have")
    one_bias = any(each["bias"].dim() == 1 for each in layer.sides.values() if "bias" in each)
    if layer.cell is Cell.GRU and one_bias and RESETS_BEFORE not in said:
        said.append(RESETS_BEFORE)
    return list(dict.fromkeys(said))


def configured(config: object, name: str) -> list[Mapping[str, Any]]:
    """The settings of the layer of that name, and of those in it, such as a cell or the layer of a Bidirectional."""
    if isinstance(config, list):
        return [found for each in config for found in configured(each, name)]
    if not isinstance(config, dict):
        return []
    own = config.get("config")
    if isinstance(own, dict) and own.get("name") == name:
        inner = [own.get(each) for each in ("layer", "cell")]
        inside = [each.get("config") for each in inner if isinstance(each, dict)]
        return [own, *(each for each in inside if isinstance(each, dict))]
    return [found for each in config.values() for found in configured(each, name)]
