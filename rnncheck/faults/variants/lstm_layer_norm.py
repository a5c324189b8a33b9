"""The LSTM with layer normalisation of its sums and of its cell state."""

from torch import Tensor

from rnncheck.faults.variants.variant import Variant
from rnncheck.model.spec import Cell
from rnncheck.model.variant import Operations, States


def step(from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
    """[i f g o] = LN(W_ih x + b_ih) + LN(W_hh h + b_hh);  c' = σ(f) c + σ(i) tanh(g);  h' = σ(o) tanh(LN(c'))."""

    def norm(which: str, values: Tensor) -> Tensor:
        return by.shift(f"shift_{which}", by.scale(f"gain_{which}", by.normalise(values)))

    _, c = before
    i, f, g, o = (norm("ih", from_x) + norm("hh", from_h)).chunk(4, -1)
    c = by.sigmoid(f) * c + by.sigmoid(i) * by.tanh(g)
    return by.sigmoid(o) * by.tanh(norm("c", c)), c


VARIANT = Variant(
    slug="lstm-layer-norm",
    cell=Cell.LSTM,
    title="its sums and its cell state are normalised",
    equations="""\
LN(a) = gain ⊙ (a − mean(a)) / √(var(a) + 10⁻⁵) + shift
[i_t f_t g_t o_t] = LN_ih(W_ih x_t + b_ih) + LN_hh(W_hh h_{t-1} + b_hh)
c_t = σ(f_t) ⊙ c_{t-1} + σ(i_t) ⊙ tanh(g_t)
h_t = σ(o_t) ⊙ tanh(LN_c(c_t))""",
    source='Ba et al. 2016, "Layer normalization"; there, as with --no-bias here, the shifts are the only biases',
    users="PyTorch's example of custom LSTMs. Each norm spans all gates, and has a gain and a shift of its own.",
    step=step,
    fault="layer-normalised",
    own={"gain_ih": 4, "shift_ih": 4, "gain_hh": 4, "shift_hh": 4, "gain_c": 1, "shift_c": 1},
    around={"gain_ih": 1.0, "gain_hh": 1.0, "gain_c": 1.0},
)
