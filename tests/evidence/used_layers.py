"""Layers that are right as they are run first: some however they are used, the others are wrong on one path each."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Plain(nn.Module):
    """A right GRU, cut into the methods that the others override."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        gates = 3 * hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.randn(gates, input_size) / 2)
        self.weight_hh_l0 = nn.Parameter(torch.randn(gates, hidden_size) / 2)
        self.bias_ih_l0 = nn.Parameter(torch.randn(gates))
        self.bias_hh_l0 = nn.Parameter(torch.randn(gates))

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.start(x) if h0 is None else h0[0]
        states = []
        for x_t in self.read(x):
            h = self.step(x_t, h)
            states.append(h)
        return self.yielded(torch.stack(states), h[None])

    def start(self, x: Tensor) -> Tensor:
        return x.new_zeros(x.shape[1], self.hidden_size)

    def read(self, x: Tensor) -> Any:
        return x.unbind(0)

    def recurrent(self) -> Tensor:
        return self.weight_hh_l0.t()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        r_x, z_x, n_x = (x @ self.weight_ih_l0.t() + self.bias_ih_l0).chunk(3, -1)
        r_h, z_h, n_h = (h @ self.recurrent() + self.bias_hh_l0).chunk(3, -1)
        z = self.gate(z_x + z_h)
        return (1 - z) * self.squash(n_x + self.gate(r_x + r_h) * n_h) + z * h

    def gate(self, a: Tensor) -> Tensor:
        return torch.sigmoid(a)

    def squash(self, a: Tensor) -> Tensor:
        return torch.tanh(a)

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return output, last


# Right, however they are used.


class TakesThreeTimestepsOrMore(Plain):
    def read(self, x: Tensor) -> Any:
        if len(x) < 3:
            raise ValueError(f"{len(x)} timesteps are too few")
        return x.unbind(0)


class GoesOnRecording(Plain):
    """After its first call with gradients it records them always."""

    records = False

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        self.records = self.records or torch.is_grad_enabled()
        with torch.set_grad_enabled(self.records):
            return super().forward(x, h0)


class Packing(Plain):
    """Packs its recurrent weights, and again when they have changed."""

    packed: tuple[Any, Tensor] | None = None

    def recurrent(self) -> Tensor:
        if torch.is_grad_enabled():
            return self.weight_hh_l0.t()
        if self.weight_hh_l0.is_inference():
            return self.weight_hh_l0.t()
        key = self.weight_hh_l0.data_ptr(), self.weight_hh_l0._version, self.weight_hh_l0.dtype
        if self.packed is None or self.packed[0] != key:
            self.packed = key, self.weight_hh_l0.detach().t().contiguous()
        return self.packed[1]


class Contiguous(Plain):
    """Makes everything contiguous first."""

    def read(self, x: Tensor) -> Any:
        return x.contiguous().unbind(0)

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return output.contiguous(), last.contiguous()


class TanhByHand(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        y = torch.tanh(a)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return gradients[0] * (1 - y * y)


class WithFunction(Plain):
    """A right autograd function of its own."""

    def squash(self, a: Tensor) -> Tensor:
        return TanhByHand.apply(a)


class BackwardInFloat32(TanhByHand):
    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return TanhByHand.backward(ctx, *gradients) @ torch.eye(gradients[0].shape[-1], dtype=torch.float32)


class WithBackwardInFloat32(Plain):
    """Its backward works in float32 alone."""

    def squash(self, a: Tensor) -> Tensor:
        return BackwardInFloat32.apply(a)


class OnceDifferentiable(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        y = torch.tanh(a)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return gradients[0] * (1 - y * y)


class WithOnceDifferentiable(Plain):
    """One that says that it has no second derivative."""

    def squash(self, a: Tensor) -> Tensor:
        return OnceDifferentiable.apply(a)


class OfExponentials(Plain):
    """Activations made of exponentials that do not overflow."""

    def gate(self, a: Tensor) -> Tensor:
        return 1 / (1 + torch.exp(-a))

    def squash(self, a: Tensor) -> Tensor:
        return 2 * self.gate(2 * a) - 1


class StatefulButReset(Plain):
    """Keeps its last state for whoever asks, and never reads it."""

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        self.last = last.detach()
        return output, last


class Checkpointed(Plain):
    """Computes its steps again in backward, by torch's reentrant checkpoint, which permits plain backward() alone."""

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return super().step(x, h)
        step, recorded = super().step, torch.ones((), requires_grad=True)  # by which it is recorded in any case
        return checkpoint(lambda x, h, _: step(x, h), x, h, recorded, use_reentrant=True)


class CheckpointedAsAdvised(Plain):
    """Computes its steps again in backward, in training mode, without the reentrant backward."""

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        step = super().step
        return checkpoint(step, x, h, use_reentrant=False) if self.training else step(x, h)


class Squeezing(Plain):
    """Fails, loudly, with one row of more than two timesteps."""

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        if len(output) > 2:
            output.squeeze()[:, :, 0]
        return output, last


class NeedsAState(Plain):
    """Fails without a state, which has a default all the same."""

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if h0 is None:
            raise ValueError("a state must be given")
        return super().forward(x, h0)


class FromZerosOfNoDtype(Plain):
    """Makes its initial state in torch's default dtype, and its products need one dtype."""

    def forward(self, x: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if hx is None:
            hx = torch.zeros(1, x.shape[1], self.hidden_size)
        return super().forward(x, hx)


class TeachingItself(Plain):
    """Its method train is another than that of modules."""

    def train(self, sequences: Any, targets: Any) -> None:  # type: ignore[override]
        raise AssertionError


class OwnDropout(Plain):
    """Has a dropout of its own, in training."""

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return nn.functional.dropout(output, 0.3, self.training), last


class TakesNoState(nn.Module):
    """torch's GRU, always from zeros."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.GRU(input_size, hidden_size)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.inner(x)  # type: ignore[no-any-return]


class Untrained(Plain):
    """Its weights are buffers."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        for name, weight in list(self.named_parameters()):
            delattr(self, name)
            self.register_buffer(name, weight.detach())


class TwoAxesAreOneStep(nn.Module):
    """What has no axis of time is one timestep of it, not a sequence without a batch axis."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inside = nn.GRU(input_size, hidden_size)

    def forward(self, x: Tensor, state: Any = None) -> Any:
        one_step = x.dim() == 2
        output, state = self.inside(x[None] if one_step else x, state)
        return output[0] if one_step else output, state


class Packed(nn.Module):
    """torch's GRU of packed sequences."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.gru = nn.GRU(input_size, hidden_size)

    def forward(self, packed: Any, state: Any = None) -> Any:
        return self.gru(packed, state)


RIGHT = [
    Packed,
    WithBackwardInFloat32,
    TwoAxesAreOneStep,
    Untrained,
    TakesNoState,
    Plain,
    TeachingItself,
    Packing,
    Contiguous,
    WithFunction,
    WithOnceDifferentiable,
    OfExponentials,
    StatefulButReset,
    Squeezing,
    Checkpointed,
    CheckpointedAsAdvised,
    NeedsAState,
    OwnDropout,
]


# Wrong on one path each.


class StartsFromOnes(Plain):
    def start(self, x: Tensor) -> Tensor:
        return x.new_ones(x.shape[1], self.hidden_size)


class StartsWhereItEnded(Plain):
    kept: Tensor | None = None

    def start(self, x: Tensor) -> Tensor:
        fits = self.kept is not None and self.kept.shape[0] == x.shape[1]
        return self.kept if fits else super().start(x)

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        self.kept = last[0].detach()
        return output, last


class RoughInInferenceMode(Plain):
    def squash(self, a: Tensor) -> Tensor:
        return a.clamp(-1, 1) if torch.is_inference_mode_enabled() else super().squash(a)


class NormalisesInTraining(Plain):
    def read(self, x: Tensor) -> Any:
        return (x - x.mean(1, keepdim=True) if self.training else x).unbind(0)


class NoisyInTraining(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return output + 0.1 * torch.randn_like(output) if self.training else output, last


class ReadsMemory(Plain):
    def read(self, x: Tensor) -> Any:
        _, rows, features = x.shape
        fits = x.untyped_storage().nbytes() >= x.numel() * x.element_size()
        return (x.as_strided(x.shape, (rows * features, features, 1)) if fits else x).unbind(0)


class OneBuffer(Plain):
    buffer: Tensor | None = None

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        if torch.is_grad_enabled():
            return output, last
        if self.buffer is None or self.buffer.shape != output.shape or self.buffer.dtype != output.dtype:
            self.buffer = torch.empty_like(output)
        return self.buffer.copy_(output), last


class FromTheModule(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, module: Any) -> Tensor:
        ctx.module, ctx.number = module, module.forwards
        module.workspace[module.forwards] = y = torch.tanh(a)
        module.forwards += 1
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        y = ctx.module.workspace[ctx.number]
        return gradients[0] * (1 - y * y), None


class SavesOnTheModule(Plain):
    """What backward needs stands on the module, where the next forward overwrites it."""

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        self.forwards = 0
        self.workspace = getattr(self, "workspace", {})
        return super().forward(x, h0)

    def squash(self, a: Tensor) -> Tensor:
        return FromTheModule.apply(a, self)


class FreesItsGraph(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        ctx.y = torch.tanh(a).detach()
        return ctx.y.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        y, ctx.y = ctx.y, torch.zeros_like(ctx.y)
        return gradients[0] * (1 - y * y)


class OnceThroughTheGraph(Plain):
    def squash(self, a: Tensor) -> Tensor:
        return FreesItsGraph.apply(a)


class PacksOnce(Plain):
    packed: Tensor | None = None

    def recurrent(self) -> Tensor:
        if torch.is_grad_enabled():
            return self.weight_hh_l0.t()
        if self.packed is None or self.packed.dtype != self.weight_hh_l0.dtype:
            self.packed = self.weight_hh_l0.detach().t().contiguous()
        return self.packed


class StopsAt64(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cat([output[:64], output[64:] * 0]), last


class LeavesTheTail(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        full = output.shape[1] // 16 * 16
        odd = full and output.shape[1] % 16 and len(output) > 1
        return (torch.cat([output[:, :full], output[:, full:] * 0], 1) if odd else output), last


class TilesOf32Units(Plain):
    def squash(self, a: Tensor) -> Tensor:
        return torch.cat([super().squash(a[..., :32]), a[..., 32:]], -1)


class OneRowBroadcast(Plain):
    def read(self, x: Tensor) -> Any:
        return (x[:1].expand_as(x) if x.shape[1] == 1 and len(x) > 1 else x).unbind(0)


class SqueezesOneRow(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return (output.squeeze() if len(output) > 2 else output), last


class MultipliesByZero(Plain):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return super().step(x, h) + 0 * x.sum()


class Overflows(Plain):
    def gate(self, a: Tensor) -> Tensor:
        return torch.exp(a) / (1 + torch.exp(a))


class FirstOrderOnly(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        y = torch.tanh(a)
        ctx.slope = (1 - y * y).detach()
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0] * ctx.slope


class SecondOrderWrong(Plain):
    def squash(self, a: Tensor) -> Tensor:
        return FirstOrderOnly.apply(a)


class HidesAScale(Plain):
    """A factor that training would change is a plain attribute: a copy by its state_dict lacks it."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.calls = 0

    def __deepcopy__(self, memo: Any) -> "HidesAScale":
        other = HidesAScale(self.weight_ih_l0.shape[1], self.hidden_size).to(self.weight_ih_l0)
        other.load_state_dict(self.state_dict())
        other.calls = 1
        return other

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return (output * 1.5 if self.calls else output), last


class GoesOnFromItsEnd(Plain):
    """Given no state, it goes on from where the last call ended to which none was given."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.ends: dict[int, Tensor] = {}

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        output, last = super().forward(x, h0)
        if h0 is None:
            self.ends[x.shape[1]] = last[0].detach()
        return output, last

    def start(self, x: Tensor) -> Tensor:
        return self.ends.get(x.shape[1], super().start(x))


class ForgetsAfterManySteps(Plain):
    """Its gradients end after 64 timesteps."""

    steps = 0

    def read(self, x: Tensor) -> Any:
        self.steps = 0
        return super().read(x)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        self.steps += 1
        return super().step(x, h.detach() if self.steps % 64 == 0 else h)


class HalvesInHalf(Plain):
    def gate(self, a: Tensor) -> Tensor:
        return torch.sigmoid(a) if a.dtype in (torch.float32, torch.float64) else torch.sigmoid(a) / 2


class DropsIntoItsWeights(nn.GRU):
    """In training mode it writes the weights that it has dropped out into its parameters."""

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        if self.training:
            self.weight_hh_l0.data = nn.functional.dropout(self.weight_hh_l0.data, 0.5)
        return super().forward(x, h0)


class RunsOnOverPadding(Packed):
    """It unpacks its sequences, so that the state goes on where a row has ended."""

    def forward(self, packed: Any, state: Any = None) -> Any:
        x, lengths = nn.utils.rnn.pad_packed_sequence(packed)
        output, last = self.gru(x, state)
        return nn.utils.rnn.pack_padded_sequence(output, lengths), last


class BatchFirstHalfDone(Plain):
    def __init__(self, input_size: int, hidden_size: int, batch_first: bool = False) -> None:
        super().__init__(input_size, hidden_size)
        self.batch_first = batch_first

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        output, last = super().forward(x.transpose(0, 1) if self.batch_first else x, h0)
        return (output.reshape(x.shape[0], x.shape[1], -1) if self.batch_first else output), last


class TimeFirstHalfDone(Plain):
    """Batch first by default; told not to be, it returns its output as batch first all the same."""

    def __init__(self, input_size: int, hidden_size: int, batch_first: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.batch_first = batch_first

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        output, last = super().forward(x.transpose(0, 1) if self.batch_first else x, h0)
        return output.transpose(0, 1), last


class TanhThatSaturates(TanhByHand):
    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return TanhByHand.backward(ctx, *gradients) * (y.abs() < 0.999)


class NoGradientWhereItSaturates(Plain):
    def squash(self, a: Tensor) -> Tensor:
        return TanhThatSaturates.apply(a)


class OnesForManyRows(Plain):
    def start(self, x: Tensor) -> Tensor:
        return super().start(x) + (1.0 if x.shape[1] > 8 else 0.0)


class RemembersAddresses(Plain):
    """Returns the last results again for the same memory."""

    last: Any = None

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        key = x.data_ptr(), x.shape, None if h0 is None else h0.data_ptr()
        if torch.is_grad_enabled() or self.last is None or self.last[0] != key:
            self.last = key, super().forward(x, h0), x  # x is kept, so that no other tensor gets its memory
        return self.last[1]


class ClipsItsWeights(Plain):
    def read(self, x: Tensor) -> Any:
        self.weight_hh_l0.data.clamp_(-0.6, 0.6)
        return super().read(x)


class WearsOutInTraining(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        if self.training:
            self.weight_hh_l0.data.mul_(0.99)
        return output, last


class SharesItsCopy(Plain):
    def __deepcopy__(self, memo: Any) -> "SharesItsCopy":
        other = type(self).__new__(type(self))
        other.__dict__ = dict(self.__dict__)
        return other


class PacksWhenEvaluated(Plain):
    """Packs its recurrent weights in eval(), and never again."""

    packed: Tensor | None = None

    def train(self, mode: bool = True) -> "PacksWhenEvaluated":
        self.packed = None if mode else self.weight_hh_l0.detach().t().clone()
        return super().train(mode)

    def recurrent(self) -> Tensor:
        return super().recurrent() if self.packed is None else self.packed


class SqueezesOneStep(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return output.squeeze(0), last


class DetachedInTraining(Plain):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return super().step(x, h.detach() if self.training else h)


class Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient / 2


class HalvedWithoutState(Plain):
    """Its gradients are halved where it starts from its own zeros."""

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return super().forward(Halved.apply(x) if h0 is None else x, h0)  # type: ignore[no-untyped-call]


class ForgetsAfterManyStepsFromZeros(Plain):
    """Detaches its state every 50 timesteps where it starts from its own zeros."""

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        self.done = 1 if h0 is None else None
        return super().forward(x, h0)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        if self.done is not None:
            self.done += 1
            h = h.detach() if self.done % 50 == 0 else h
        return super().step(x, h)


class HalvedForOneRow(Plain):
    def read(self, x: Tensor) -> Any:
        return super().read(Halved.apply(x) if x.shape[1] == 1 else x)  # type: ignore[no-untyped-call]


class NeedsTheGradientOfX(Plain):
    """Without a gradient by x there is none by the weights."""

    def recurrent(self) -> Tensor:
        return super().recurrent() if self.wanted else super().recurrent().detach()

    def read(self, x: Tensor) -> Any:
        self.wanted = x.requires_grad
        return super().read(x)


class NeedsEveryGradient(torch.autograd.Function):
    """Its backward fails where one of its results is not in the loss."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        return output.clone(), last.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return gradients[0] * 1, gradients[1] * 1


class DifferentiatedInWholeAlone(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return NeedsEveryGradient.apply(output, last)  # type: ignore[no-any-return, no-untyped-call]


class AddsXWhereItFits(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return (output + self.x if self.x.shape == output.shape else output), last

    def read(self, x: Tensor) -> Any:
        self.x = x
        return x.unbind(0)


class TakesTForB(Plain):
    def read(self, x: Tensor) -> Any:
        return (x.transpose(0, 1) if x.shape[0] == x.shape[1] else x).unbind(0)


class ScalesOneFeature(Plain):
    def read(self, x: Tensor) -> Any:
        return (x / 2 if x.shape[2] == 1 else x).unbind(0)


class SkipsOneStepInTraining(Plain):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return h if self.training and self.steps == 1 else super().step(x, h)

    def read(self, x: Tensor) -> Any:
        self.steps = len(x)
        return x.unbind(0)


class TilesOf32UnitsInTraining(TilesOf32Units):
    def squash(self, a: Tensor) -> Tensor:
        return super().squash(a) if self.training else torch.tanh(a)


class GoesOnInTraining(StartsWhereItEnded):
    def start(self, x: Tensor) -> Tensor:
        return super().start(x) if self.training else Plain.start(self, x)


class KeepsAScaleOfTraining(Plain):
    scale = 1.0

    def squash(self, a: Tensor) -> Tensor:
        if self.training:
            self.scale = 0.97
        return torch.tanh(a) * (1.0 if self.training else self.scale)


class ClearsGradients(Plain):
    def read(self, x: Tensor) -> Any:
        if self.training:
            self.zero_grad()
        return x.unbind(0)


class ForgetsAfterManyStepsInTraining(Plain):
    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        self.at = 0
        return super().forward(x, h0)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        self.at += 1
        return super().step(x, h.detach() if self.training and self.at % 10 == 0 else h)


class AddsInPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor) -> Tensor:
        return states.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        gradients[0].mul_(2)
        return gradients[0] / 2


class WritesIntoGradients(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return AddsInPlace.apply(output), last


class WritesIntoTheGradientOfTheOutput(Plain):
    """Its last state is a part of its output, whose gradient torch adds up before."""

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        output = AddsInPlace.apply(output)
        return output, output[-1:]


class ForgetsABiasOfAConstantInput(Plain):
    """Where x is expanded over time, it computes its products once, and without the bias."""

    def read(self, x: Tensor) -> Any:
        return (x + 1).unbind(0) if len(x) > 1 and x.stride(0) == 0 else x.unbind(0)


class AsIfContiguous(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor) -> Tensor:
        return states.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        given = gradients[0]
        fits = given.untyped_storage().nbytes() == given.numel() * given.element_size()
        return given.as_strided(given.shape, torch.empty(given.shape).stride()) if fits else given


class ReadsGradientsAsContiguous(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return AsIfContiguous.apply(output), last


class ByXIfWeightsAreTrained(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x @ weight.t()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor]:
        x, weight = ctx.saved_tensors
        return gradients[0] @ weight if ctx.needs_input_grad[1] else None, gradients[0].t() @ x


class NeedsTheGradientOfWeights(Plain):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        r_x, z_x, n_x = (ByXIfWeightsAreTrained.apply(x, self.weight_ih_l0) + self.bias_ih_l0).chunk(3, -1)
        r_h, z_h, n_h = (h @ self.weight_hh_l0.t() + self.bias_hh_l0).chunk(3, -1)
        z = torch.sigmoid(z_x + z_h)
        return (1 - z) * torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h) + z * h


class HalvesInBfloat16(Plain):
    def squash(self, a: Tensor) -> Tensor:
        return torch.tanh(a) * (0.5 if a.dtype is torch.bfloat16 else 1)


class ListsItsWeights(Plain):
    """Runs with the parameters that it was made with, also where others have taken their place."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.held = [self.weight_hh_l0]

    def recurrent(self) -> Tensor:
        return self.held[0].t()


class BatchFirstNotAtOneStep(BatchFirstHalfDone):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return output, last

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if not self.batch_first or x.shape[1] == 1:
            return Plain.forward(self, x, h0)
        output, last = Plain.forward(self, x.transpose(0, 1), h0)
        return output.transpose(0, 1), last


class DetachesWithFrozenWeights(Plain):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return super().step(x, h if self.weight_hh_l0.requires_grad else h.detach())


class Flushed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0].masked_fill(gradients[0].abs() < 1e-5, 0.0)


class FlushesSmallGradients(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return Flushed.apply(output), last


class WritesOverXOfItsWidth(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        if output.shape == self.x.shape and not torch.is_grad_enabled():
            output = self.x.copy_(output)
        return output, last

    def read(self, x: Tensor) -> Any:
        self.x = x
        return super().read(x)


class ForgetsABiasAtRoundSizes(Plain):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return super().step(x, h) + (0.1 if self.hidden_size % 32 == 0 else 0.0)


class GoesOnWithOneRow(Plain):
    kept: Tensor | None = None

    def start(self, x: Tensor) -> Tensor:
        return super().start(x) if x.shape[1] > 1 or self.kept is None else self.kept.to(x)

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        self.kept = last[0].detach() if last.shape[1] == 1 else None
        return output, last


class ReadsFromTheStartOfMemory(Plain):
    def read(self, x: Tensor) -> Any:
        fits = x.is_contiguous() and not x.requires_grad
        return super().read(x.as_strided(x.shape, x.stride(), 0) if fits else x)


class StaticAfterManyCalls(Plain):
    calls = 0
    static: Tensor | None = None

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        if torch.is_grad_enabled():
            return output, last
        self.calls += 1
        if self.calls <= 3 or (self.static is not None and self.static.shape != output.shape):
            return output, last
        self.static = torch.empty_like(output) if self.static is None else self.static
        return self.static.copy_(output), last


class PacksByTheOtherWeight(Plain):
    packed: tuple[Any, Tensor] | None = None

    def recurrent(self) -> Tensor:
        key = self.weight_ih_l0.data_ptr(), self.weight_ih_l0._version, self.weight_ih_l0.dtype
        if torch.is_grad_enabled():
            return self.weight_hh_l0.t()
        if self.packed is None or self.packed[0] != key:
            self.packed = key, self.weight_hh_l0.detach().t().contiguous()
        return self.packed[1]


class ReadsWeightsAsContiguous(Plain):
    def recurrent(self) -> Tensor:
        weight = self.weight_hh_l0
        return (
            weight.t()
            if weight.requires_grad and torch.is_grad_enabled()
            else weight.as_strided(weight.shape, (weight.shape[1], 1)).t()
        )


class CopiedWithItsWeights(Plain):
    """A copy of it runs with the weights of the layer that it was copied from."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.read_weight = lambda: self.weight_hh_l0

    def recurrent(self) -> Tensor:
        return self.read_weight().t().to(self.weight_ih_l0.dtype)


class KeepsWhatWasNotRecorded(Plain):
    kept: tuple[Any, Tensor] | None = None

    def recurrent(self) -> Tensor:
        key = self.weight_hh_l0.data_ptr(), self.weight_hh_l0._version, self.weight_hh_l0.dtype
        if self.weight_hh_l0.is_inference() or torch.is_inference_mode_enabled():
            return self.weight_hh_l0.t()
        if self.kept is None or self.kept[0] != key or (torch.is_grad_enabled() and self.kept[1].requires_grad):
            self.kept = key, self.weight_hh_l0.t().contiguous()
        return self.kept[1]


class OfTheFirst64Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x @ weight.t()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        return gradients[0] @ weight, gradients[0][:64].t() @ x[:64]


class LosesGradientsOfManyRows(Plain):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        r_x, z_x, n_x = (OfTheFirst64Rows.apply(x, self.weight_ih_l0) + self.bias_ih_l0).chunk(3, -1)
        r_h, z_h, n_h = (h @ self.weight_hh_l0.t() + self.bias_hh_l0).chunk(3, -1)
        z = torch.sigmoid(z_x + z_h)
        return (1 - z) * torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h) + z * h


class UnbatchedFromOnes(Plain):
    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if x.dim() == 3:
            return super().forward(x, h0)
        start = x.new_ones(1, 1, self.hidden_size) if h0 is None else h0[:, None]
        output, last = super().forward(x[:, None], start)
        return output[:, 0], last[:, 0]


class LeavesTrainingMode(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        self.eval()
        return output, last


class TrainsNoKernelByData(Plain):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        if not self.training or x.requires_grad:
            return super().step(x, h)
        with torch.no_grad():
            from_x = x @ self.weight_ih_l0.t() + self.bias_ih_l0
        r_x, z_x, n_x = from_x.chunk(3, -1)
        r_h, z_h, n_h = (h @ self.recurrent() + self.bias_hh_l0).chunk(3, -1)
        z = self.gate(z_x + z_h)
        return (1 - z) * self.squash(n_x + self.gate(r_x + r_h) * n_h) + z * h


class CheckpointedByData(Plain):
    """torch's reentrant checkpoint trains nothing where no tensor that it is given requires a gradient."""

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if not self.training or not torch.is_grad_enabled():
            return super().forward(x, h0)
        return checkpoint(super().forward, x, h0, use_reentrant=True)


class GoesOnWhereTrained(Plain):
    last: Tensor | None = None

    def start(self, x: Tensor) -> Tensor:
        start = super().start(x)
        if self.training and torch.is_grad_enabled() and self.last is not None and self.last.shape == start.shape:
            return self.last
        return start

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        self.last = self.kept(last[0]) if last.requires_grad else None
        return output, last

    def kept(self, state: Tensor) -> Tensor:
        return state.detach()


class KeepsTheGraphWhereTrained(GoesOnWhereTrained):
    def kept(self, state: Tensor) -> Tensor:
        return state


class DetachedAtOneStep(Plain):
    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return super().forward(x, h0.detach() if h0 is not None and len(x) == 1 else h0)


class TruncatedInPartWhereTrained(Plain):
    """Every 64 timesteps the state is detached in one of its two uses, so that no gradient is exactly zero."""

    def read(self, x: Tensor) -> Any:
        for self.t, x_t in enumerate(x):
            yield x_t

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        new = super().step(x, h)
        return new - (h - h.detach()) / 2 if self.training and self.t % 64 == 63 else new


class SkipsAStateOfZeros(Plain):
    """Where a state is zero its product is too, but not its gradient."""

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return super().step(x, h if h.any() else torch.zeros_like(h))


class WrongAfterManyCalls(Plain):
    calls = 0

    def read(self, x: Tensor) -> Any:
        self.calls += 1
        return (x * 0.9 if self.calls > 25 else x).unbind(0)


class HalvedWithAGraph(torch.autograd.Function):
    """The sigmoid, with half its gradient where a graph of the gradient is asked for."""

    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        s = a.sigmoid()
        ctx.save_for_backward(s)
        return s

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (s,) = ctx.saved_tensors
        return gradients[0] * s * (1 - s) * (0.5 if torch.is_grad_enabled() else 1.0)


class OtherGradientWithAGraph(Plain):
    def gate(self, a: Tensor) -> Tensor:
        return HalvedWithAGraph.apply(a)  # type: ignore[no-any-return, no-untyped-call]


class InfersOneStepOtherwise(Plain):
    def read(self, x: Tensor) -> Any:
        return (x * 0.9 if torch.is_inference_mode_enabled() and len(x) == 1 else x).unbind(0)


class InfersLongSequencesOtherwise(Plain):
    def read(self, x: Tensor) -> Any:
        return (x * 0.9 if torch.is_inference_mode_enabled() and len(x) > 64 else x).unbind(0)


class InfersStridedXOtherwise(Plain):
    def read(self, x: Tensor) -> Any:
        return (x * 0.9 if torch.is_inference_mode_enabled() and not x.is_contiguous() else x).unbind(0)


class DoesNotTrainAnExpandedState(Plain):
    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return super().forward(x, h0.detach() if h0 is not None and h0.stride(1) == 0 else h0)


class DetachesTheStateThatItReturned(Plain):
    last: Tensor | None = None

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        own = h0 is not None and self.last is not None and h0.data_ptr() == self.last.data_ptr()
        return super().forward(x, h0.detach() if own and h0 is not None else h0)

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        self.last = last.detach()
        return output, last


class RoughWhereWide(Plain):
    """From 128 units on its gradient is 2 % too small."""

    def squash(self, a: Tensor) -> Tensor:
        n = torch.tanh(a)
        return n - (n - n.detach()) * 0.02 if a.shape[-1] >= 128 else n


class DetachedAtOneStepInTraining(Plain):
    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        cut = self.training and h0 is not None and len(x) == 1
        return super().forward(x, h0.detach() if cut else h0)


class IntoAFlatView(torch.autograd.Function):
    """The identity. Its backward adds into what is a view of the gradient only where that is contiguous."""

    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        ctx.save_for_backward(a)
        return a.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        found = torch.zeros_like(ctx.saved_tensors[0])
        found.reshape(-1).add_(gradients[0].reshape(-1))
        return found


class LosesTheGradientOfStridedX(Plain):
    def read(self, x: Tensor) -> Any:
        return super().read(IntoAFlatView.apply(x))


class LosesTheGradientOfStridedStates(Plain):
    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return super().forward(x, None if h0 is None else IntoAFlatView.apply(h0))


class LosesTheGradientOfStridedWeights(Plain):
    def recurrent(self) -> Tensor:
        return IntoAFlatView.apply(self.weight_hh_l0).t()


class UnbatchedDetached(Plain):
    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if x.dim() == 2:
            output, last = super().forward(x[:, None], None if h0 is None else h0.detach()[:, None])
            return output[:, 0], last[:, 0]
        return super().forward(x, h0)


class OfTheFirst128Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        return a.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return torch.cat([gradients[0][:128], torch.zeros_like(gradients[0][128:])])


class LosesGradientsAfter128Rows(Plain):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return OfTheFirst128Rows.apply(super().step(x, h))


class OfTheFirstLoss(torch.autograd.Function):
    """The identity. Its backward keeps its result, for whatever it is given later."""

    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        return a.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        ctx.found = getattr(ctx, "found", gradients[0])
        return ctx.found


class RemembersItsGradient(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return OfTheFirstLoss.apply(output), last


class TanhOfItsOutput(torch.autograd.Function):
    """Keeps its output where torch does not see that it changes."""

    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        ctx.output = torch.tanh(a)
        return ctx.output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0] * (1 - ctx.output * ctx.output)


class ReadsItsOutputInBackward(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return TanhOfItsOutput.apply(torch.atanh(output)), last


class ShowsItsOutputTwice(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        return output, output[-1:]


class RingOfBuffers(Plain):
    calls = 0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.ring: dict[Any, Tensor] = {}

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        if torch.is_grad_enabled():
            return output, last
        self.calls += 1
        key = self.calls % 16, output.shape, output.dtype
        if key not in self.ring or self.ring[key].is_inference():
            self.ring[key] = torch.empty_like(output)
        return self.ring[key].copy_(output), last


class WritesIntoItsOwnState(Plain):
    own: Tensor | None = None

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        output, last = super().forward(x, h0)
        if torch.is_grad_enabled():
            return output, last
        self.own = h0.copy_(last) if h0 is not None and h0 is self.own else last
        return output, self.own


class KnowsItsOwnState(Plain):
    own: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        known = h0 is not None and self.own is not None and h0 is self.own[0]
        output, last = super().forward(x, self.own[1] if known and self.own else h0)
        self.own = last, last.detach().clone()
        return output, last


class GoesOnWithOneStep(Plain):
    last: Tensor | None = None

    def start(self, x: Tensor) -> Tensor:
        start = super().start(x)
        fits = len(x) == 1 and self.last is not None and self.last.shape == start.shape
        return self.last.to(start) if fits and self.last is not None else start

    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        self.last = last[0].detach() if len(output) == 1 else None
        return output, last


class KeepsWhatItReadOfX(Plain):
    kept: tuple[Any, Tensor] | None = None

    def read(self, x: Tensor) -> Any:
        return [(x, step) for step in range(len(x))]

    def step(self, x: Any, h: Tensor) -> Tensor:
        whole, at = x
        if torch.is_grad_enabled() or whole.is_inference():
            return super().step(whole[at], h)
        key = id(whole), whole._version, at
        if self.kept is None or self.kept[0][:2] != key[:2]:
            self.kept = (*key[:2], whole), whole @ self.weight_ih_l0.t() + self.bias_ih_l0
        r_x, z_x, n_x = self.kept[1][at].chunk(3, -1)
        r_h, z_h, n_h = (h @ self.recurrent() + self.bias_hh_l0).chunk(3, -1)
        z = self.gate(z_x + z_h)
        return (1 - z) * self.squash(n_x + self.gate(r_x + r_h) * n_h) + z * h


WRONG = {
    RemembersItsGradient: ("another-backward", "backward-not-repeatable"),
    ReadsItsOutputInBackward: ("another-backward", "gradient-wrong-in-use"),
    RingOfBuffers: ("another-call", "results-share-memory"),
    WritesIntoItsOwnState: ("another-call", "input-mutated"),
    KnowsItsOwnState: ("another-call", "state-leaks-between-calls"),
    GoesOnWithOneStep: ("no-state", "state-leaks-between-calls"),
    KeepsWhatItReadOfX: ("changed-weights", "stale-weights"),
    TrainsNoKernelByData: ("gradients-in-use", "gradient-wrong-in-use"),
    CheckpointedByData: ("gradients-in-use", "gradient-wrong-in-use"),
    GoesOnWhereTrained: ("gradients-in-use", "state-leaks-between-calls"),
    KeepsTheGraphWhereTrained: ("gradients-in-use", "state-leaks-between-calls"),
    DetachedAtOneStep: ("gradients-in-use", "gradient-wrong-in-use"),
    TruncatedInPartWhereTrained: ("gradients-in-use", "gradient-wrong-in-use"),
    SkipsAStateOfZeros: ("gradients-in-use", "gradient-wrong-in-use"),
    WrongAfterManyCalls: ("another-call", "state-leaks-between-calls"),
    OtherGradientWithAGraph: ("another-backward", "gradient-wrong-in-use"),
    InfersOneStepOtherwise: ("gradient-modes", "depends-on-grad-mode"),
    InfersLongSequencesOtherwise: ("gradient-modes", "depends-on-grad-mode"),
    InfersStridedXOtherwise: ("gradient-modes", "depends-on-grad-mode"),
    DoesNotTrainAnExpandedState: ("gradients-in-use", "gradient-wrong-in-use"),
    DetachesTheStateThatItReturned: ("gradients-in-use", "gradient-wrong-in-use"),
    RoughWhereWide: ("gradients-in-use", "gradient-wrong-in-use"),
    DetachedAtOneStepInTraining: ("gradients-in-use", "gradient-wrong-in-use"),
    LosesTheGradientOfStridedX: ("gradients-in-use", "memory-layout-assumed"),
    LosesTheGradientOfStridedStates: ("gradients-in-use", "memory-layout-assumed"),
    LosesTheGradientOfStridedWeights: ("gradients-in-use", "memory-layout-assumed"),
    UnbatchedDetached: ("gradients-in-use", "gradient-wrong-in-use"),
    LosesGradientsAfter128Rows: ("gradients-in-use", "gradient-wrong-in-use"),
    DetachesWithFrozenWeights: ("another-backward", "gradient-wrong-in-use"),
    FlushesSmallGradients: ("another-backward", "gradient-clipped"),
    WritesOverXOfItsWidth: ("other-sizes", "input-mutated"),
    ForgetsABiasAtRoundSizes: ("other-sizes", "wrong-at-other-sizes"),
    GoesOnWithOneRow: ("no-state", "state-leaks-between-calls"),
    ReadsFromTheStartOfMemory: ("strides", "memory-layout-assumed"),
    StaticAfterManyCalls: ("another-call", "results-share-memory"),
    PacksByTheOtherWeight: ("changed-weights", "stale-weights"),
    ReadsWeightsAsContiguous: ("changed-weights", "memory-layout-assumed"),
    CopiedWithItsWeights: ("copies", "copy-differs"),
    KeepsWhatWasNotRecorded: ("gradients-in-use", "gradient-wrong-in-use"),
    LosesGradientsOfManyRows: ("gradients-in-use", "gradient-wrong-in-use"),
    UnbatchedFromOnes: ("options", "option-half-done"),
    LeavesTrainingMode: ("train-mode", "depends-on-train-mode"),
    AddsXWhereItFits: ("other-sizes", "wrong-at-other-sizes"),
    TakesTForB: ("other-sizes", "wrong-at-other-sizes"),
    ScalesOneFeature: ("other-sizes", "wrong-at-other-sizes"),
    SkipsOneStepInTraining: ("train-mode", "depends-on-train-mode"),
    TilesOf32UnitsInTraining: ("train-mode", "depends-on-train-mode"),
    GoesOnInTraining: ("train-mode", "depends-on-train-mode"),
    KeepsAScaleOfTraining: ("train-mode", "depends-on-train-mode"),
    ClearsGradients: ("another-backward", "backward-not-repeatable"),
    ForgetsAfterManyStepsInTraining: ("train-mode", "gradient-detached"),
    WritesIntoTheGradientOfTheOutput: ("another-backward", "backward-not-repeatable"),
    ForgetsABiasOfAConstantInput: ("strides", "memory-layout-assumed"),
    WritesIntoGradients: ("another-backward", "backward-not-repeatable"),
    ReadsGradientsAsContiguous: ("another-backward", "memory-layout-assumed"),
    NeedsTheGradientOfWeights: ("another-backward", "gradient-wrong-in-use"),
    HalvesInBfloat16: ("copies", "dtype-written-in"),
    DropsIntoItsWeights: ("train-mode", "depends-on-train-mode"),
    RunsOnOverPadding: ("options", "option-half-done"),
    ListsItsWeights: ("changed-weights", "stale-weights"),
    BatchFirstNotAtOneStep: ("options", "option-half-done"),
    StartsFromOnes: ("no-state", "default-state-not-zero"),
    StartsWhereItEnded: ("no-state", "state-leaks-between-calls"),
    RoughInInferenceMode: ("gradient-modes", "depends-on-grad-mode"),
    NormalisesInTraining: ("train-mode", "depends-on-train-mode"),
    NoisyInTraining: ("train-mode", "depends-on-train-mode"),
    ReadsMemory: ("strides", "memory-layout-assumed"),
    OneBuffer: ("another-call", "results-share-memory"),
    SavesOnTheModule: ("another-backward", "backward-not-repeatable"),
    OnceThroughTheGraph: ("another-backward", "backward-not-repeatable"),
    PacksOnce: ("changed-weights", "stale-weights"),
    StopsAt64: ("other-sizes", "wrong-at-other-sizes"),
    LeavesTheTail: ("other-sizes", "wrong-at-other-sizes"),
    TilesOf32Units: ("other-sizes", "wrong-at-other-sizes"),
    OneRowBroadcast: ("other-sizes", "wrong-at-other-sizes"),
    SqueezesOneRow: ("other-sizes", "wrong-at-other-sizes"),
    MultipliesByZero: ("rows-alone", "nan-spreads"),
    Overflows: ("ranges", "wrong-at-extremes"),
    SecondOrderWrong: ("double-backward", "second-derivative-wrong"),
    HidesAScale: ("copies", "copy-differs"),
    GoesOnFromItsEnd: ("no-state", "state-leaks-between-calls"),
    ForgetsAfterManySteps: ("other-sizes", "gradient-detached"),
    HalvesInHalf: ("copies", "dtype-written-in"),
    BatchFirstHalfDone: ("options", "option-half-done"),
    TimeFirstHalfDone: ("options", "option-half-done"),
    NoGradientWhereItSaturates: ("gradients-in-use", "gradient-wrong-in-use"),
    OnesForManyRows: ("no-state", "default-state-not-zero"),
    RemembersAddresses: ("another-call", "state-leaks-between-calls"),
    ClipsItsWeights: ("ranges", "wrong-at-extremes"),
    WearsOutInTraining: ("train-mode", "depends-on-train-mode"),
    DetachedInTraining: ("gradients-in-use", "gradient-wrong-in-use"),
    ForgetsAfterManyStepsFromZeros: ("no-state", "gradient-detached"),
    HalvedWithoutState: ("gradients-in-use", "gradient-wrong-in-use"),
    HalvedForOneRow: ("gradients-in-use", "gradient-wrong-in-use"),
    NeedsTheGradientOfX: ("gradients-in-use", "gradient-wrong-in-use"),
    DifferentiatedInWholeAlone: ("gradients-in-use", "gradient-wrong-in-use"),
    SharesItsCopy: ("copies", "copy-differs"),
    PacksWhenEvaluated: ("changed-weights", "stale-weights"),
    SqueezesOneStep: ("other-sizes", "wrong-at-other-sizes"),
}


# Wrong for some numbers of timesteps, though on no path.


class SkipsTheLastOfOddNumbers(Plain):
    def read(self, x: Tensor) -> Any:
        steps = list(super().read(x))
        return steps if len(steps) % 2 == 0 or len(steps) == 1 else [*steps[:-1], torch.zeros_like(steps[-1])]


# Layers for T and B of the run alone.


class OfTwelveSteps(Plain):
    def read(self, x: Tensor) -> Any:
        if x.shape[:2] != (12, 3):
            raise ValueError("x must have 12 timesteps and 3 rows")
        return super().read(x)


class OfTwelveStepsFromOnes(OfTwelveSteps):
    def start(self, x: Tensor) -> Tensor:
        return torch.ones_like(super().start(x))


# Wrong where numbers or batches are larger than those that are tried by hand.


class ClipsItsState(Plain):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return super().step(x, h.clamp(-10, 10))


class ClipsItsGradient(Plain):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        new = super().step(x, h)
        if new.requires_grad:
            new.register_hook(lambda gradient: gradient.clamp(-100, 100))
        return new


class LeavesTheTailOf64(Plain):
    def yielded(self, output: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        full = output.shape[1] // 64 * 64
        return (torch.cat([output[:, :full], output[:, full:] * 0], 1) if full else output), last


WRONG_WHERE_LARGE = {
    ClipsItsState: ("ranges", "wrong-at-extremes"),
    ClipsItsGradient: ("another-backward", "gradient-clipped"),
    LeavesTheTailOf64: ("other-sizes", "wrong-at-other-sizes"),
}


class HeadOfAnyShape(Plain):
    """Takes a state (1, B, H) as well as (B, H): what its head reads has the axes of the state."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.head = nn.Linear(hidden_size, 2)

    def forward(self, x: Tensor, h0: Tensor | None = None) -> Tensor:
        h = self.start(x) if h0 is None else h0
        for x_t in self.read(x):
            h = self.step(x_t, h)
        return self.head(h)


class FillsTheListOfStates(nn.GRU):
    """Takes and returns a list with one state a layer, and writes the new ones into the list that it is given."""

    def forward(self, x: Tensor, hiddens: list[Tensor] | None = None) -> Any:  # type: ignore[override]
        output, last = super().forward(x, None if hiddens is None else torch.stack(list(hiddens)))
        if hiddens is not None:
            hiddens[:] = last.unbind()
        return output, list(last.unbind())


class Lengthy(nn.LSTM):
    """Takes lengths, and returns them shortened by one in the caller's own tensor if it is `wrong`."""

    wrong = False

    def forward(self, x: Tensor, lengths: Tensor, state: Any = None) -> Any:  # type: ignore[override]
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        output, last = super().forward(packed, state)
        if self.wrong:
            lengths.sub_(1)
        return nn.utils.rnn.pad_packed_sequence(output, total_length=len(x))[0], last


class ShortensTheLengths(Lengthy):
    wrong = True


class ForgetsABiasAtOneStep(Plain):
    """Only where no gradients are recorded."""

    def recurrent(self) -> Tensor:
        return self.weight_hh_l0.t()

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if len(x) > 1 or torch.is_grad_enabled():
            return super().forward(x, h0)
        kept = self.bias_hh_l0.clone()
        self.bias_hh_l0.data.zero_()
        found = super().forward(x, h0)
        self.bias_hh_l0.data.copy_(kept)
        return found


class PackedByTheClass(nn.GRU):
    """Without gradients a layer runs with the weights of the first one that had these shapes and versions."""

    packed: ClassVar[dict[Any, list[Tensor]]] = {}

    def forward(self, x: Tensor, hx: Tensor | None = None) -> Any:  # type: ignore[override]
        if torch.is_grad_enabled():
            return super().forward(x, hx)
        own = dict(self.named_parameters())
        key = tuple((each.shape, each.dtype, each._version) for each in own.values())
        first = self.packed.setdefault(key, [each.detach().clone() for each in own.values()])
        given = dict(zip(own, first, strict=True))
        return torch.func.functional_call(nn.GRU(self.input_size, self.hidden_size), given, (x, hx))


class TwoLayers(nn.Module):
    """Two layers of torch's with a dropout between them."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.GRU(size, hidden_size) for size in (input_size, hidden_size))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        first, one = self.layers[0](x, None if h0 is None else h0[:1])
        output, other = self.layers[1](self.between(first), None if h0 is None else h0[1:])
        return output, torch.cat([one, other])

    def between(self, x: Tensor) -> Tensor:
        return self.drop(x)


class DropsAfterEval(TwoLayers):
    """Its train() does not reach the dropout in it."""

    def train(self, mode: bool = True) -> "DropsAfterEval":
        self.training = mode
        return self


class DropsWithGradientsAlone(TwoLayers):
    def between(self, x: Tensor) -> Tensor:
        return self.drop(x) if torch.is_grad_enabled() else x
