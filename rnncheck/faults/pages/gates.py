"""Faults of the gates of LSTM and GRU."""

from rnncheck.faults.pages.page import GATED, Page
from rnncheck.model.spec import Cell

FAMILY = "gates"
LSTM, GRU = (Cell.LSTM,), (Cell.GRU,)
PROPOSAL = "n_t = tanh(W_in x_t + b_in + r_t ⊙ (W_hn h_{t-1} + b_hn))"
FORGET = "f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)"

PAGES = (
    Page(
        slug="gate-order",
        family=FAMILY,
        cells=GATED,
        title="the gates come in another order",
        right="""\
LSTM: rows i | f | g | o
GRU:  rows r | z | n""",
        wrong="""\
LSTM: read as i | f | o | g, or another order
GRU:  read as z | r | n, or another order""",
        causes=(
            "The weights come from another framework (ONNX stacks an LSTM as i, o, f, c and a GRU as z, r, h; Keras a "
            "GRU as z, r, h; TensorFlow 1 an LSTM as i, g, f, o), or the blocks are unpacked in the order in which a "
            "paper writes the equations."
        ),
        looks=(
            "Every t differs, t = 0 included. Where blocks are equal nothing shows: constant weights hide it, and zero "
            "biases hide an order that is wrong in the biases alone."
        ),
        mend="Take the gates in torch's order: i, f, g, o in an LSTM and r, z, n in a GRU.",
        right_code="i, f, g, o = a.chunk(4, -1)",
        wrong_code="i, f, o, g = a.chunk(4, -1)",
        variants={Cell.LSTM: "i,f,o,g", Cell.GRU: "z,r,n"},
    ),
    Page(
        slug="gru-reset-before-matmul",
        family=FAMILY,
        cells=GRU,
        title="the reset comes before the matrix product",
        right=PROPOSAL,
        wrong="n_t = tanh(W_in x_t + b_in + W_hn (r_t ⊙ h_{t-1}) + b_hn)",
        causes=(
            "The paper has it so (Cho et al. 2014), and Keras with reset_after=False; torch.nn and cuDNN apply r after "
            "the product, b_hn included. Both are called GRU."
        ),
        looks=(
            "Every t differs where the state before is not zero. With a zero h0, t = 0 differs by the bias alone, and "
            "not at all if b_hn is zero or is reset too. With H = 1 and b_hn = 0 both are the same function."
        ),
        mend="Multiply by r_t after the matrix product: r * (h @ W_hn.T + b_hn).",
        right_code="n = torch.tanh(p_n + r * (h @ W_hn.T + b_hn))",
        wrong_code="n = torch.tanh(p_n + (r * h) @ W_hn.T + b_hn)",
    ),
    Page(
        slug="gru-reset-over-input",
        family=FAMILY,
        cells=GRU,
        title="the reset gate covers the input too",
        right=PROPOSAL,
        wrong="n_t = tanh(r_t ⊙ (W_in x_t + b_in + W_hn h_{t-1} + b_hn))",
        causes=(
            "The sum of both products is made first, as r and z have it, perhaps by one matrix on [x; h], and r is "
            "multiplied with all of it."
        ),
        looks="Every t differs, t = 0 included, by what r takes away from W_in x_t + b_in.",
        mend="Multiply the recurrent share W_hn h_{t-1} + b_hn alone by r_t.",
        right_code="n = torch.tanh(p_n + r * u_n)",
        wrong_code="n = torch.tanh(r * (p_n + u_n))",
    ),
    Page(
        slug="gru-update-inverted",
        family=FAMILY,
        cells=GRU,
        title="the update gate keeps what it should replace",
        right="h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_{t-1}",
        wrong="h_t = z_t ⊙ n_t + (1 − z_t) ⊙ h_{t-1}",
        causes=(
            "The papers disagree: in Cho et al. 2014 z keeps the old state, as in torch.nn; in Chung et al. 2014 it "
            "lets the new one in."
        ),
        looks=(
            "Every t differs, t = 0 included. Where the weights are small every z is near 1/2, both mixtures are "
            "nearly the same, and a generous fixed tolerance lets it pass."
        ),
        mend="Let z_t weigh the old state and 1 - z_t the proposal.",
        right_code="h = (1 - z) * n + z * h",
        wrong_code="h = z * n + (1 - z) * h",
    ),
    Page(
        slug="gru-bias-outside-reset",
        family=FAMILY,
        cells=GRU,
        title="b_hn is added outside the reset gate",
        right=PROPOSAL,
        wrong="n_t = tanh(W_in x_t + b_in + r_t ⊙ (W_hn h_{t-1}) + b_hn)",
        causes=(
            "The two biases are added up beforehand, as an RNN and an LSTM allow; or the layer that multiplies the "
            "state has no bias, and b_hn went to the input's side."
        ),
        looks="Every t differs, t = 0 included, by (1 − r_t) ⊙ b_hn before the tanh. Where b_hn is zero nothing shows.",
        mend="Keep b_hn apart from b_in, and add it to W_hn h_{t-1} before r_t multiplies.",
        right_code="n = torch.tanh(p_n + r * (h @ W_hn.T + b_hn))",
        wrong_code="n = torch.tanh(p_n + r * (h @ W_hn.T) + b_hn)",
    ),
    Page(
        slug="forget-bias-added",
        family=FAMILY,
        cells=LSTM,
        title="a constant is added to the forget gate",
        right=FORGET,
        wrong="f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf + 1)",
        causes=(
            "TensorFlow 1's cells add forget_bias = 1 in every step. Setting the bias itself to 1 when it is made, as "
            "Keras does, is something else: there it is part of the weights."
        ),
        looks=(
            "The cell state is forgotten too slowly. With a zero c0 both sides agree at t = 0, where there is nothing "
            "to forget, and part from t = 1 on. In lockstep h and c both fail wherever the c before is not zero."
        ),
        mend="Put the constant into the forget gate's bias once, and leave it out of the step.",
        right_code="f = torch.sigmoid(a_f)",
        wrong_code="f = torch.sigmoid(a_f + 1)",
    ),
    Page(
        slug="coupled-gates",
        family=FAMILY,
        cells=LSTM,
        title="one gate is computed as one minus the other",
        right="c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t",
        wrong="""\
c_t = (1 − i_t) ⊙ c_{t-1} + i_t ⊙ g_t
or  c_t = f_t ⊙ c_{t-1} + (1 − f_t) ⊙ g_t""",
        causes=(
            "A variant of the LSTM couples its input and forget gates (CIFG), as the GRU does; torch.nn's has both, "
            "each with its own weights."
        ),
        looks=(
            "With a zero c0 and f replaced both sides agree at t = 0 and part from t = 1 on; with i replaced they "
            "differ at once. The weights of the gate that is replaced have no effect and no gradient."
        ),
        mend="Compute both the input and the forget gate from their own weights.",
        right_code="c = f * c + i * g",
        wrong_code="c = (1 - i) * c + i * g",
    ),
    Page(
        slug="gate-ignored",
        family=FAMILY,
        cells=GATED,
        title="a gate has no effect",
        right="h_t = o_t ⊙ tanh(c_t)",
        wrong="h_t = tanh(c_t)",
        causes=(
            "A simplified variant, or a factor that was lost when the equations were copied: in an LSTM any of i, f "
            "and o, in a GRU the reset r or the update z."
        ),
        looks=(
            "Every t differs where the gate had something to let through: without f, with a zero c0, only from t = 1 "
            "on. The gate's own rows of W_ih, W_hh and the biases have no effect and no gradient."
        ),
        mend="Multiply by the gate where the equation has it.",
        right_code="h = o * torch.tanh(c)",
        wrong_code="h = torch.tanh(c)",
    ),
    Page(
        slug="peephole",
        family=FAMILY,
        cells=LSTM,
        title="the gates read the cell state too",
        right=FORGET,
        wrong="f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf + p_f ⊙ c_{t-1})",
        causes=(
            "The LSTM of Gers and Schmidhuber (2000) has such peepholes, and so has TensorFlow 1's with "
            "use_peepholes=True; torch.nn's has none."
        ),
        looks=(
            "i and f read c_{t-1}: with a zero c0 they are right at t = 0. o reads c_t, and is wrong at once. The "
            "difference grows with the size of the cell state, and only zero peephole weights hide it."
        ),
        mend="Compute the gates from x_t and h_{t-1} alone.",
        right_code="f = torch.sigmoid(a_f)",
        wrong_code="f = torch.sigmoid(a_f + p_f * c)",
    ),
)
