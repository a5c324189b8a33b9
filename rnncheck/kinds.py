"""The kinds of files that users have: how to know each, and what to do with it in the place of another."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A kind of file: how to know it, what it is, and what to do with it in each role; None where it belongs there.

    `magic` are regular expressions of the bytes at the beginning, or at `offset`; `member` matches the name of a member
    of a zip archive, `text` the beginning of a text. In what to do, {} is the name of the file.
    """

    what: str
    data: str | None = ""
    weights: str | None = ""
    candidate: str | None = ""
    magic: tuple[bytes, ...] = ()
    offset: int = 0
    member: str = ""
    text: str = ""
    suffixes: tuple[str, ...] = ()
    of_bytes: bool = True  # not text


_RUN = "give it to rnncheck run, as in rnncheck run {}"
_UNPACK = "unpack it, and give the file in it"
_WITH_WEIGHTS = "name a layer and give this file with --weights, as in rnncheck compare file.py:MyLSTM --weights {}"
_IS_CODE = "give it as the candidate, as in rnncheck run DATA {}"
_CLASS_OF = "name the class with it, as in file.py:MyLSTM"
_STATE_DICT = "rnncheck loads tensors only: save the layer's state_dict() with torch.save or as safetensors"
_AGAIN = "download the file itself"
_BY_NAME = "save the parameters by name, with safetensors.numpy.save_file"
_KERAS = "name its layer, as in rnncheck compare keras:LSTM --weights {}"


def _anywhere(what: str, way_out: str, **signs: Any) -> Kind:
    """A kind with which the same is to be done in every role."""
    return Kind(what, way_out, way_out, way_out, **signs)


# The first that fits counts: what is special stands before what is general.
KINDS = (
    _anywhere(
        "a Git LFS pointer, not the file itself",
        "fetch it with git lfs pull",
        magic=(b"version https://git-lfs",),
    ),
    Kind(
        "an Excel workbook",
        "save the sheet as CSV first",
        member=r"xl/workbook",
        suffixes=(".xls",),
        magic=(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",),
    ),
    Kind("an OpenDocument file", "save the sheet as CSV first", member=r"content\.xml$"),
    Kind(
        "an archive of numpy arrays",
        "save one of them as .npy, as by numpy.save('x.npy', numpy.load('{}')['NAME'])",
        "save it as safetensors: safetensors.numpy.save_file(dict(numpy.load('{}')), 'weights.safetensors')",
        member=r"\.npy$",
        suffixes=(".npz",),
    ),
    Kind(
        "TorchScript: it contains code",
        "it is no data; take its weights with --weights, saved by "
        "torch.save(torch.jit.load('{}').state_dict(), 'weights.pt')",
        "save its weights alone: torch.save(torch.jit.load('{}').state_dict(), 'weights.pt')",
        "name the class that it was compiled from, and give its weights with --weights, saved by "
        "torch.save(torch.jit.load('{}').state_dict(), 'weights.pt')",
        member=r"/constants\.pkl$",
    ),
    Kind(
        "a program that torch.export saved",
        "it is no data; name the class that it was exported from",
        "save its weights alone: torch.save(dict(torch.export.load('{}').state_dict), 'weights.pt')",
        "name the class that it was exported from, and give its weights with --weights, saved by "
        "torch.save(dict(torch.export.load('{}').state_dict), 'weights.pt')",
        member=r"(^|/)(serialized_exported_program\.json|models/model\.json)$",
        suffixes=(".pt2",),
    ),
    Kind(
        "a file that torch.save wrote",
        "if it holds a tensor of data, save that as .npy: numpy.save('x.npy', torch.load('{}')); if it holds weights, "
        "give it with --weights",
        None,
        _WITH_WEIGHTS,
        magic=(b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",),  # of torch.save before it wrote archives
        offset=2,
        member=r"/data\.pkl$",
        suffixes=(".pt", ".pth", ".ckpt"),
    ),
    Kind(
        "a Keras model", "it is no data; " + _KERAS, None, _KERAS, member=r"^model\.weights\.h5$", suffixes=(".keras",)
    ),
    _anywhere("a zip archive", _UNPACK, member="", magic=(b"PK\x03\x04", b"PK\x05\x06"), suffixes=(".zip",)),
    Kind("gzip data", "rename it to end in .csv.gz", _UNPACK, _UNPACK, magic=(b"\x1f\x8b",)),
    Kind("bzip2 data", "rename it to end in .csv.bz2", _UNPACK, _UNPACK, magic=(rb"BZh[1-9]1AY",)),
    Kind("xz data", "rename it to end in .csv.xz", _UNPACK, _UNPACK, magic=(b"\xfd7zXZ\0",)),
    _anywhere("zstd data", "decompress it first", magic=(rb"\(\xb5/\xfd",)),
    _anywhere("a 7z archive", _UNPACK, magic=(b"7z\xbc\xaf'\x1c",)),
    _anywhere("a tar archive", _UNPACK, magic=(b"ustar",), offset=257),
    Kind(
        "a Parquet file", "rename it to end in .parquet", candidate=_RUN, magic=(b"PAR1",), suffixes=(".parquet", ".pq")
    ),
    Kind(
        "an Arrow file",
        "rename it to end in .arrow",
        candidate=_RUN,
        magic=(b"ARROW1", rb"\xff{4}...\0"),
        suffixes=(".arrow", ".feather", ".arrows"),
    ),
    Kind("a Feather file of version 1", "write it again with pyarrow.feather.write_feather", magic=(b"FEA1",)),
    Kind(
        "a numpy array",
        "give it as a file that ends in .npy",
        _BY_NAME,
        _RUN,
        magic=(b"\x93NUMPY",),
        suffixes=(".npy",),
    ),
    Kind(
        "an HDF5 file",
        "save one of its arrays as .npy, as by numpy.save('x.npy', h5py.File('{}')['NAME'][:]); if Keras wrote it, it "
        "holds weights: give it with --weights",
        "if Keras wrote it, name it .h5; else save the parameters by name as safetensors",
        "if Keras wrote it, " + _KERAS,
        magic=(b"\x89HDF",),
        suffixes=(".h5", ".hdf5"),
    ),
    Kind(
        "safetensors",
        "it is no data; a recorded run is given as rnncheck compare {}, and weights with --weights {}",
        None,
        _WITH_WEIGHTS,
        magic=(b"\0\0\0\0{",),
        offset=4,
        suffixes=(".safetensors",),
    ),
    Kind(
        "a GGUF file",
        "it is no data",
        "convert it to safetensors first",
        "convert it to safetensors, for --weights",
        magic=(b"GGUF",),
    ),
    _anywhere(
        "a TensorFlow Lite model",
        "rnncheck cannot read it: give its Keras model",
        magic=(b"TFL3",),
        offset=4,
        suffixes=(".tflite",),
    ),
    Kind(
        "an SQLite database",
        "save a table in it as CSV: sqlite3 -header -csv {} 'select * from TABLE' > data.csv",
        magic=(b"SQLite format 3",),
    ),
    Kind("an ORC file", "save it as Parquet first", magic=(b"ORC",)),
    Kind("an Avro file", "save it as Parquet first", magic=(b"Obj\x01",)),
    Kind(
        "a MATLAB file",
        "save an array in it as .npy: numpy.save('x.npy', scipy.io.loadmat('{}')['NAME'])",
        magic=(b"MATLAB 5.0",),
        suffixes=(".mat",),
    ),
    Kind("a sound file", "save its samples as .npy first", magic=(b"RIFF", b"fLaC", b"OggS")),
    Kind("a PNG image", magic=(b"\x89PNG",)),
    Kind("an image", magic=(b"\xff\xd8\xff", b"GIF8", rb"II\*\0", rb"MM\0\*")),
    Kind("a PDF document", magic=(b"%PDF-",)),
    Kind("a program", magic=(b"\x7fELF", b"MZ\x90", b"\xcf\xfa\xed\xfe")),
    Kind(
        "a pickle: it contains code, or could",
        "it is no data that can be read safely; save the array as .npy with numpy.save, or the table as CSV",
        _STATE_DICT,
        _CLASS_OF,
        magic=tuple(b"\x80" + bytes([version]) for version in range(2, 6)),
        suffixes=(".pkl", ".pickle"),
    ),
    _anywhere(
        "a web page or XML", _AGAIN, text=r"<(!doctype|html|\?xml|head|body)", suffixes=(".html", ".htm", ".xml")
    ),
    Kind("a notebook", _IS_CODE, _CLASS_OF, None, text=r'\{.*"(cells|nbformat)"\s*:', suffixes=(".ipynb",)),
    Kind(
        "JSON",
        "save it as CSV: pandas.read_json('{}').to_csv('data.csv', index=False)",
        _BY_NAME,
        text=r'\{\s*["}]|\[\s*[\[{"]',
        suffixes=(".json", ".jsonl", ".ndjson"),
        of_bytes=False,
    ),
    Kind("Python code", _IS_CODE, _CLASS_OF, None, suffixes=(".py",), of_bytes=False),
    Kind(
        "an ONNX model",
        "it is no data; " + _IS_CODE,
        "give it as the candidate, as in rnncheck compare {}",
        None,
        suffixes=(".onnx",),
    ),
    Kind(
        "a TOML file",
        "it is no data; as settings it goes to rnncheck check --config {}",
        "for a mapping of weights, give it with --mapping",
        "give settings to rnncheck check --config {}",
        suffixes=(".toml",),
        of_bytes=False,
    ),
    Kind("a YAML file", suffixes=(".yaml", ".yml"), of_bytes=False),
    Kind("a file of weights", "it is no data; give it with --weights", None, _WITH_WEIGHTS, suffixes=(".bin",)),
    Kind(
        "a table of text",
        None,
        _BY_NAME,
        "it is data, not a layer: " + _RUN,
        suffixes=(".csv", ".tsv", ".data", ".dat"),
    ),
)
SUFFIXES = frozenset(suffix for kind in KINDS for suffix in kind.suffixes)
