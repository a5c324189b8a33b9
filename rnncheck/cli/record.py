"""`rnncheck record`: from its options to a file and a message."""

import sys

from rnncheck.cli.from_recording import with_model_in_file
from rnncheck.cli.one_check import import_torch
from rnncheck.cli.options import CompareOptions
from rnncheck.cli.plans import arguments_of, lengths_of, plan_of, random_data, spec_of
from rnncheck.cli.signals import held_back
from rnncheck.cli.streams import stdout_apart
from rnncheck.cli.write_report import refuse_existing, refuse_to_replace
from rnncheck.errors import ExitCode, UsageError
from rnncheck.files import write_atomically
from rnncheck.implementations import check_mappable, check_name, files_of, is_trace
from rnncheck.text import printable


def record_to_file(candidate: str, options: CompareOptions, *, force: bool) -> int:
    """Runs the candidate, writes the file, whole or not at all, and says what is in it."""
    if is_trace(candidate):
        raise UsageError(f"{printable(candidate, 200)} is a recorded run already; copy the file")
    options = with_model_in_file(options, candidate)
    spec, lengths = spec_of(options), lengths_of(options)
    if options.output is None:
        raise UsageError("record writes a file: say which, as in --output trace.safetensors")
    if options.output.suffix != ".safetensors":
        shown = printable(str(options.output), 200)
        raise UsageError(f"--output is {shown}; a trace is known by its suffix, as in trace.safetensors")
    arguments = arguments_of(options.arg)
    check_name(candidate)
    if options.mapping:
        check_mappable(candidate, options.mapping)
    refuse_to_replace([options.output, options.save_weights], (options.weights, options.mapping, *files_of(candidate)))
    refuse_existing(options.output, force=force)
    import_torch()
    with held_back():
        from rnncheck.checking.record import record
        from rnncheck.model.trace_file import encode
    with stdout_apart():
        plan = plan_of((candidate, "torch"), spec, random_data(options, lengths), options, arguments, None)
        tensors, metadata = record(plan)
    write_atomically(options.output, encode(tensors, metadata))
    seq_len, batch_size, input_size = tensors["x"].shape
    held = [name for name in ("output", "h_n", "c_n", "y") if name in tensors]
    held += ["single steps"] if any(name.startswith("step.") for name in tensors) else []
    held += ["gradients"] if "grad.x" in tensors else []
    shown = printable(str(options.output), 200)
    of = f"{plan.spec.cell.upper()}, T {seq_len}, B {batch_size}, I {input_size}"
    sys.stdout.write(f"recorded {printable(candidate, 200)} in {shown}: {of}; {', '.join(held)}\n")
    sys.stdout.write(f"rnncheck compare CANDIDATE --against {shown}\n")
    return ExitCode.EQUIVALENT
