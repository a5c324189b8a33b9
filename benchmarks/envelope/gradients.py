"""How much of the gradient envelope torch.nn's own backward run uses."""

from collections import Counter, defaultdict
from dataclasses import replace

import torch
from torch import Tensor, nn

from benchmarks.envelope.configurations import Configuration, configuration
from benchmarks.envelope.judge import used
from rnncheck.envelope import GradientSet, gradient_envelope
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace

MOST_STEPS = 100
CLASSES: dict[Cell, type[nn.Module]] = {Cell.RNN: nn.RNN, Cell.LSTM: nn.LSTM, Cell.GRU: nn.GRU}


def projection(spec: Spec, seq_len: int, batch_size: int, seed: int) -> Trace:
    """What the outputs and final states are weighted with: normal, fixed by the seed."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    rows = spec.num_layers * spec.directions
    c = normal(rows, batch_size, spec.hidden_size) if spec.cell is Cell.LSTM else None
    final = State(normal(rows, batch_size, spec.state_size), c)
    return Trace(normal(seq_len, batch_size, spec.output_size), final)


def of_torch(case: Configuration, projected: Trace) -> GradientSet:
    """The gradients as torch.nn computes them."""
    spec, dtype = case.spec, getattr(torch, case.spec.dtype)
    options = {"nonlinearity": spec.nonlinearity} if spec.cell is Cell.RNN else {}
    if spec.cell is Cell.LSTM:
        options = {"proj_size": spec.proj_size}
    module = CLASSES[spec.cell](
        spec.input_size,
        spec.hidden_size,
        num_layers=spec.num_layers,
        bias=spec.bias,
        bidirectional=spec.bidirectional,
        dtype=dtype,
        **options,
    )
    module.load_state_dict({name: value.to(dtype) for name, value in case.weights.values.items()})
    given = [case.x, case.state.h] + ([] if case.state.c is None else [case.state.c])
    x, *states = [each.to(dtype).requires_grad_() for each in given]
    output, final = module(x, states[0] if len(states) == 1 else tuple(states))
    results = [output, final] if len(states) == 1 else [output, *final]
    wanted = [projected.output, projected.final.h] + ([] if projected.final.c is None else [projected.final.c])
    parameters = dict(module.named_parameters())
    gradients = torch.autograd.grad(results, [x, *states, *parameters.values()], [each.to(dtype) for each in wanted])
    dx, dstates, dweights = gradients[0], gradients[1 : 1 + len(states)], gradients[1 + len(states) :]
    return GradientSet(dx, State(*dstates), dict(zip(parameters, dweights, strict=True)))


def table(configs: int, seed: int) -> None:
    """Prints the largest share of the allowance used, per quantity and dtype."""
    worst: dict[tuple[str, str], float] = defaultdict(float)
    lost: Counter[str] = Counter()
    quantities: Counter[str] = Counter()
    for number in range(seed, seed + configs):
        case = configuration(number)
        case = replace(case, x=case.x[:MOST_STEPS], lengths=None)
        projected = projection(case.spec, *case.x.shape[:2], number)
        envelope = gradient_envelope(case.spec, case.weights, case.x, case.state, projected, rounding=case.rounding)
        found = named(of_torch(case, projected))
        exact, allowed = named(envelope.exact), named(envelope.allowed)
        for name, value in found.items():
            kind, dtype = name.split("_l")[0], str(case.spec.dtype)
            shares = used(value, exact[name], allowed[name])
            quantities[dtype] += 1
            lost[dtype] += not len(shares)
            worst[kind, dtype] = max(worst[kind, dtype], float(shares.max()) if len(shares) else 0.0)
    print("\n| gradient of | " + " | ".join(Dtype) + " |")
    print("| --- |" + " --- |" * len(Dtype))
    for kind in ("x", "h", "c", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"):
        print(f"| {kind} | " + " | ".join(f"{worst[kind, str(dtype)]:.2f}" for dtype in Dtype) + " |")
    print("| not judged | " + " | ".join(f"{lost[str(d)]} of {quantities[str(d)]}" for d in Dtype) + " |", flush=True)


def named(gradients: GradientSet) -> dict[str, Tensor]:
    found = {"x": gradients.x, "h": gradients.state.h, **gradients.weights}
    return found if gradients.state.c is None else {**found, "c": gradients.state.c}
