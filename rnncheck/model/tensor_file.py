"""Reads named tensors from a file: safetensors, or a file from `torch.save`. Never runs code in the file."""

import io
import os
import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from rnncheck.errors import WeightsError
from rnncheck.mistaken import START, refusal
from rnncheck.text import printable

_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # one slash: a Path has already folded the second
_SAFETENSORS = b"\0\0\0\0{"  # behind its first four bytes: the header's length is far below 2^32, the header is JSON
_ZIP = b"PK\x03\x04"
_LEGACY = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # torch.save's magic number, behind the pickle protocol's two bytes
_ENTRIES = ("state_dict", "model_state_dict", "model")  # where a checkpoint has the model's tensors
_TENSORS_ONLY = "rnncheck loads tensors only: save the layer's state_dict() with torch.save or as safetensors"
_DAMAGE = (
    ("headertoosmall", "is cut short: the length of its header is missing"),
    ("headertoolarge", "is damaged: its header is larger than allowed"),
    ("invalidheaderlength", "is cut short: its header is longer than the file"),
    ("incomplete", "is not as long as its header says: it is cut short, or has bytes after its end"),
    ("offset", "is damaged: its tensors overlap, or there are gaps between them"),
    ("overflow", "is damaged: the shape of a tensor is impossible"),
    ("header", "is damaged: its header is not a valid list of tensors"),
)


BEHIND = "::"  # between a file and the layer in it, as in model.pt::encoder.rnn


def read_layer(named: str) -> dict[str, Tensor]:
    """The tensors of `FILE::LAYER` by their names in that layer, or all of a file. Raises `WeightsError`."""
    path, found, layer = named.partition(BEHIND)
    tensors = read_tensors(path)
    if not found:
        return tensors
    start = f"{layer}."
    inside = {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
    if not inside:
        layers = sorted({name.rpartition(".")[0] for name in tensors} - {""})
        there = ", ".join(printable(each, 60) for each in layers[:8]) + ", ..." * (len(layers) > 8)
        raise WeightsError(
            f"{printable(path, 200)} has no tensors under {printable(layer, 60) or 'an empty name'}; "
            + (f"it has tensors under {there}" if layers else "its names have no parts, so leave the name out")
        )
    return inside


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Every tensor in the file by its name, on the host, as stored. The first bytes decide the format.

    Raises `WeightsError` for anything but a whole file that holds named tensors and nothing else.
    """
    name = printable(os.fspath(path), 200) or "''"
    if _URL.match(os.fspath(path)):
        raise WeightsError(f"{name} is not a local file; download it first and give its path")
    try:
        if Path(path).is_dir():
            raise WeightsError(f"{name} is a directory; give the file of weights in it")
        with Path(path).open("rb") as handle:
            return _read(handle, name)
    except FileNotFoundError:
        raise WeightsError(f"{name} does not exist; --save-weights writes such a file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise WeightsError(f"{name} cannot be read: {reason}") from None


def _read(handle: BinaryIO, name: str) -> dict[str, Tensor]:
    start = handle.read(START)
    if not start:
        raise WeightsError(f"{name} is empty; save the weights again")
    # The first bytes decide, so that a huge file of another format is not read to the end.
    content = start + handle.read() if start.startswith(_ZIP) else start
    if said := refusal(handle.name, "weights", start, io.BytesIO(content)):
        raise WeightsError(said)
    if start.startswith(_ZIP) or start[2:].startswith(_LEGACY):
        return _named(_torch_save(content + handle.read(), name), name)
    if start[4:9] == _SAFETENSORS or Path(handle.name).suffix == ".safetensors":
        return _safetensors(start + handle.read(), name)
    raise WeightsError(f"{name} is neither safetensors nor a file that torch.save wrote; {_TENSORS_ONLY}")


def _safetensors(content: bytes, name: str) -> dict[str, Tensor]:
    import safetensors
    from safetensors.torch import load

    try:
        return load(content)
    except safetensors.SafetensorError as error:
        # The wording differs between releases: "HeaderTooSmall" in one, "header too small" in another.
        said = str(error).lower().replace(" ", "")
        damage = next((words for key, words in _DAMAGE if key in said), "is damaged")
    except Exception:  # a number format that this torch or this safetensors lacks
        damage = "holds numbers of a dtype that this torch or safetensors cannot read"
    raise WeightsError(f"{name} {damage}; save it or download it again")


def _torch_save(content: bytes, name: str) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the file's age and storage: not what the user can change
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        code = re.search(r"(?i:global|class|function):? (?:GLOBAL )?([A-Za-z_]\w*(?:\.\w+)+)", str(error))
        what = f"contains code ({printable(code[1], 80)})" if code else "is damaged or contains code"
        raise WeightsError(f"{name} {what}; {_TENSORS_ONLY}") from None
    except Exception:  # RuntimeError, EOFError, KeyError and more: whatever a damaged pickle runs into
        raise WeightsError(f"{name} is cut short or damaged; save it or download it again") from None


def _named(content: object, name: str) -> dict[str, Tensor]:
    """The content as a dictionary. Raises `WeightsError` when it is anything but tensors by name."""
    if not isinstance(content, Mapping):
        raise WeightsError(
            f"{name} holds one object of type {type(content).__name__}, not tensors by name; {_TENSORS_ONLY}"
        )
    inside = {
        str(key): value
        for key, value in content.items()
        if isinstance(value, Mapping) and value and all(isinstance(inner, Tensor) for inner in value.values())
    }
    if inside:  # a checkpoint
        entry = next((key for key in _ENTRIES if key in inside), None) or next(iter(inside))
        if len(inside) > 1 and entry not in _ENTRIES:
            shown = ", ".join(f"'{printable(key)}'" for key in inside)
            raise WeightsError(
                f"{name} is a checkpoint with tensors under {shown}; save the entry that you need by itself"
            )
        return _named(inside[entry], name)
    for key, value in content.items():
        shown = printable(str(key))
        if not isinstance(value, Tensor):
            raise WeightsError(
                f"{name}: the entry '{shown}' is of type {type(value).__name__}, not a tensor; {_TENSORS_ONLY}"
            )
        if not isinstance(key, str):
            raise WeightsError(f"{name}: the name {shown} is of type {type(key).__name__}, not text; {_TENSORS_ONLY}")
    return dict(content)
