"""`exec:COMMAND`: a program in any language that reads one file and writes another.

`{inputs}` and `{outputs}` in the command are the two files, in a directory of their own that is removed afterwards. The
command runs where rnncheck was started. docs/trace-file.md describes both files.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnncheck.errors import CannotRun
from rnncheck.implementations.command_line import INPUTS, OUTPUTS, PREFIX, words_of
from rnncheck.implementations.protocol import no_place_for_own
from rnncheck.model import trace_file
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace, dtype_of
from rnncheck.model.trace_file import GRADIENT, decode, encode
from rnncheck.model.trace_metadata import metadata_of
from rnncheck.model.weights import Weights, draw
from rnncheck.text import printable

NOT_OFFERED = 64  # the exit status that says so; the reason is on stderr
TIMEOUT = 60.0  # seconds
MOST_LINES = 12  # of stderr that are shown

Tensors = Mapping[str, Tensor]


class CommandError(CannotRun):
    """A command that failed, or wrote wrong results."""


class UnsupportedByCommand(CommandError):
    """A command that does not support an option."""


class Command:
    """`exec:COMMAND`, stopped after `timeout` seconds a call."""

    def __init__(self, command: str, timeout: float = TIMEOUT) -> None:
        self.name = PREFIX + command
        self._words, self._timeout = words_of(command), timeout
        self.location = shutil.which(self._words[0]) or self._words[0]
        self._tried: dict[tuple[Spec, bool], Tried] = {}

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if reason := no_place_for_own(spec):
            return reason
        if spec.head:
            return "a command computes only the recurrent layer; leave --head out"
        if spec.device != "cpu":
            return f"a command reads and writes files on the host, so rnncheck cannot run it on {spec.device}"
        return self._try(spec, lengths).refusal

    def build(self, spec: Spec, weights: Weights) -> "CommandLayer":
        return CommandLayer(self, spec, weights.cast(spec))

    def gradients(self, spec: Spec) -> frozenset[str]:
        """The names of the gradients that it writes."""
        return self._try(spec, lengths=False).gradients

    def _try(self, spec: Spec, lengths: bool) -> "Tried":
        """The result of a small run: whether the command supports the spec, and gradients."""
        if (spec, lengths) not in self._tried:
            self._tried[spec, lengths] = self._tested(spec, lengths)
        return self._tried[spec, lengths]

    def _tested(self, spec: Spec, lengths: bool) -> "Tried":
        dtype = dtype_of(spec)
        states = spec.num_layers * spec.directions
        x, h = torch.ones(2, 2, spec.input_size, dtype=dtype), torch.zeros(states, 2, spec.state_size, dtype=dtype)
        c = torch.zeros(states, 2, spec.hidden_size, dtype=dtype) if spec.cell is Cell.LSTM else None
        if lengths:
            x[1, 1] = 0
        upstream = {"output": torch.ones(2, 2, spec.output_size, dtype=dtype), "h_n": torch.zeros_like(h)}
        if c is not None:
            upstream["c_n"] = torch.zeros_like(c)
        tensors = trace_file.given(x, State(h, c), (2, 1) if lengths else None, draw(spec, 0).cast(spec))
        try:
            found = self.call(spec, {**tensors, **{GRADIENT + name: value for name, value in upstream.items()}})
        except UnsupportedByCommand as reason:
            return Tried(str(reason))
        offered = frozenset(name.removeprefix(GRADIENT) for name in found if name.startswith(GRADIENT))
        wanted = ["x", *(name for name in ("h0", "c0") if name in tensors), *spec.recurrent_shapes()]
        if offered and (lacking := [GRADIENT + name for name in wanted if name not in offered]):
            told = printable(", ".join(lacking), 200)
            raise CommandError(f"{self.name} wrote some gradients but not {told}; write all of them, or none")
        for name in offered & tensors.keys():
            shape, right = tuple(found[GRADIENT + name].shape), tuple(tensors[name].shape)
            if shape != right:
                raise CommandError(
                    f"{self.name} wrote {GRADIENT + name} with the shape {shape}; {name} has the shape {right}"
                )
        return Tried(None, offered)

    def call(self, spec: Spec, tensors: Tensors) -> dict[str, Tensor]:
        """The results of the command. Raises `CommandError` if it fails, or leaves out a result."""
        with tempfile.TemporaryDirectory(prefix="rnncheck-") as folder:
            inputs, outputs = Path(folder, "inputs.safetensors"), Path(folder, "outputs.safetensors")
            inputs.write_bytes(encode(tensors, metadata_of(spec)))
            files = {INPUTS: str(inputs), OUTPUTS: str(outputs)}
            self._run([replaced(word, files) for word in self._words])
            if not outputs.exists():
                raise CommandError(f"{self.name} ended without writing {OUTPUTS}")
            try:
                found = decode(outputs)
            except CannotRun as problem:
                told = str(problem).replace(str(outputs), OUTPUTS).replace("; save it or download it again", "")
                raise CommandError(f"what {self.name} wrote to {OUTPUTS} cannot be read: {told}") from None
        wanted = ["output", "h_n", *(["c_n"] if spec.cell is Cell.LSTM else [])]
        if missing := [name for name in wanted if name not in found]:
            there = ", ".join(sorted(found)) or "nothing"
            raise CommandError(
                f"{self.name} did not write {' and '.join(missing)}; {OUTPUTS} holds {printable(there, 200)}"
            )
        return found

    def _run(self, words: list[str]) -> None:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # so that all that it starts can be ended with it
            )
        except OSError as problem:
            raise CommandError(f"{self.name} cannot be started: {problem.strerror}") from None
        try:
            _, said = process.communicate(timeout=self._timeout)
        except subprocess.TimeoutExpired:
            end(process)
            raise CommandError(
                f"{self.name} did not end within {self._timeout:g} s; --timeout S gives it more time"
            ) from None
        except BaseException:  # an interrupt
            end(process)
            raise
        if process.returncode == 0:
            return
        text = said.decode(errors="replace").strip()
        if process.returncode == NOT_OFFERED:
            raise UnsupportedByCommand(printable(text.splitlines()[-1], 300) if text else "it does not support this")
        raise CommandError(f"{self.name} {how_it_ended(process.returncode)}{shown(text)}")


@dataclass(frozen=True)
class Tried:
    """Why a command does not support a spec, or the names of its gradients."""

    refusal: str | None
    gradients: frozenset[str] = frozenset()


class CommandLayer:
    """The command with its weights, which every call gets."""

    def __init__(self, command: Command, spec: Spec, values: Tensors) -> None:
        self._command, self._spec = command, spec
        with torch.inference_mode(False):  # what is made in inference mode can never be differentiated
            self._leaves = {name: values[name].clone().requires_grad_() for name in spec.recurrent_shapes()}

    def parameters(self) -> Tensors:
        return {name: value.detach() for name, value in self._leaves.items()}

    def leaves(self) -> Tensors | None:
        """The weights whose gradients it writes; None if it writes no gradients."""
        offered = self._command.gradients(self._spec)
        return {name: leaf for name, leaf in self._leaves.items() if name in offered} if offered else None

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        inputs = trace_file.given(x, state, None, self._leaves)
        if torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            offered = self._command.gradients(self._spec)
            held = [value if name in offered else value.detach() for name, value in inputs.items()]
            found = ThroughCommand.apply(self._command, self._spec, list(inputs), lengths, *held)  # type: ignore[no-untyped-call]
            return trace_of(found)
        found = self._command.call(self._spec, with_lengths(inputs, lengths))
        return trace_of([found[name] for name in results(self._spec)])


class ThroughCommand(torch.autograd.Function):
    """The command as one autograd operation: it computes its gradients from those of its results."""

    @staticmethod
    def forward(
        ctx: Any, command: Command, spec: Spec, names: list[str], lengths: Sequence[int] | None, *values: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.command, ctx.spec, ctx.names, ctx.lengths = command, spec, names, lengths
        ctx.save_for_backward(*values)
        found = command.call(spec, with_lengths(dict(zip(names, values, strict=True)), lengths))
        return tuple(found[name] for name in results(spec))

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        given = with_lengths(dict(zip(ctx.names, ctx.saved_tensors, strict=True)), ctx.lengths)
        above = {GRADIENT + name: value for name, value in zip(results(ctx.spec), upstream, strict=True)}
        found = ctx.command.call(ctx.spec, {**given, **above})
        return None, None, None, None, *(found.get(GRADIENT + name) for name in ctx.names)


def results(spec: Spec) -> list[str]:
    return ["output", "h_n", "c_n"] if spec.cell is Cell.LSTM else ["output", "h_n"]


def trace_of(values: Sequence[Tensor]) -> Trace:
    output, h, *c = values
    return Trace(output, State(h, *c))


def with_lengths(tensors: Tensors, lengths: Sequence[int] | None) -> dict[str, Tensor]:
    more = {} if lengths is None else {"lengths": torch.tensor(lengths, dtype=torch.int64)}
    return {**tensors, **more}


def replaced(word: str, files: Mapping[str, str]) -> str:
    for placeholder, path in files.items():
        word = word.replace(placeholder, path)
    return word


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kills the process and all processes that it started."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def how_it_ended(code: int) -> str:
    if code > 0:
        return f"ended with status {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def shown(said: str) -> str:
    """The last lines that it wrote to stderr."""
    lines = said.splitlines()[-MOST_LINES:]
    if not lines:
        return " and wrote nothing to stderr"
    return ", and said:\n" + "\n".join("    " + printable(line, 200) for line in lines)
