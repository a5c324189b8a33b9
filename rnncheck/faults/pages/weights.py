"""Faults of the weights: the right equation with the wrong matrix or the wrong bias in it."""

from rnncheck.faults.pages.page import EVERY, GATED, Page

FAMILY = "weights"
RIGHT = "h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)"

PAGES = (
    Page(
        slug="recurrent-weight-transposed",
        family=FAMILY,
        cells=EVERY,
        title="the state is multiplied by W_hh transposed",
        right=RIGHT,
        wrong="h_t = tanh(W_ih x_t + b_ih + W_hhᵀ h_{t-1} + b_hh)",
        causes=(
            "torch.nn stores a matrix as (out, in) and multiplies a row of states by its transpose; Keras and many "
            "hand-written layers store (in, out). W_hh is square, and so is each gate's block of it: the wrong one "
            "fits as well. A reshape where a transpose was meant fits too."
        ),
        looks=(
            "With a zero h0 both sides agree at t = 0 and part from t = 1 on; with a random one they differ at t = 0 "
            "already. Lockstep fails wherever the state before is not zero. With H = 1, or a symmetric W_hh, nothing "
            "shows."
        ),
        mend="Transpose W_hh, gate by gate, before it is used.",
        right_code="""\
p = x_t @ W_ih.T + b_ih + b_hh
h = torch.tanh(p + h @ W_hh.T)""",
        wrong_code="""\
p = x_t @ W_ih.T + b_ih + b_hh
h = torch.tanh(p + h @ W_hh)""",
    ),
    Page(
        slug="input-weight-transposed",
        family=FAMILY,
        cells=EVERY,
        title="the input is multiplied by W_ih transposed",
        right=RIGHT,
        wrong="h_t = tanh(W_ihᵀ x_t + b_ih + W_hh h_{t-1} + b_hh)",
        causes=(
            "As with W_hh: another framework's matrix is copied without a transpose. It fits only where a layer reads "
            "as many numbers as it has units: with I = H, or above the first layer."
        ),
        looks=(
            "The layer differs at every t, t = 0 included, whatever h0 is. Other sizes give an error about shapes, "
            "unless the matrix is reshaped instead; with I = H = 1, or a symmetric W_ih, nothing shows."
        ),
        mend="Transpose W_ih, gate by gate, before it is used.",
        right_code="p = x_t @ W_ih.T + b_ih",
        wrong_code="p = x_t @ W_ih + b_ih",
        options="--input-size 4",
    ),
    Page(
        slug="missing-input-bias",
        family=FAMILY,
        cells=EVERY,
        title="b_ih is left out",
        right=RIGHT,
        wrong="h_t = tanh(W_ih x_t + W_hh h_{t-1} + b_hh)",
        causes="The layer has one bias where torch.nn has two, and b_hh alone was copied into it.",
        looks=(
            "Every t differs, t = 0 included, by a shift before the nonlinearity that does not depend on the data. "
            "Where b_ih is zero, as in many a test, nothing shows."
        ),
        mend="Add b_ih; a layer with a single bias takes b_ih + b_hh, save for the n gate of a GRU.",
        right_code="p = x_t @ W_ih.T + b_ih",
        wrong_code="p = x_t @ W_ih.T",
    ),
    Page(
        slug="missing-recurrent-bias",
        family=FAMILY,
        cells=EVERY,
        title="b_hh is left out",
        right=RIGHT,
        wrong="h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1})",
        causes=(
            "The layer has one bias where torch.nn has two, and b_ih alone was copied into it; or the layer that "
            "multiplies the state was made with bias=False."
        ),
        looks=(
            "Every t differs, t = 0 included and with a zero h0 too, for b_hh is added to whatever the state gives. "
            "Where b_hh is zero nothing shows."
        ),
        mend="Add b_hh; a layer with a single bias takes b_ih + b_hh, save for the n gate of a GRU.",
        right_code="u = h @ W_hh.T + b_hh",
        wrong_code="u = h @ W_hh.T",
    ),
    Page(
        slug="missing-bias",
        family=FAMILY,
        cells=EVERY,
        title="both biases are left out",
        right=RIGHT,
        wrong="h_t = tanh(W_ih x_t + W_hh h_{t-1})",
        causes="The layer was made with bias=False, or its biases stay at the zeros they were made with.",
        looks=(
            "Every t differs, t = 0 included, by a shift before the nonlinearity that does not depend on the data. "
            "Where the biases are zero, or cancel, nothing shows."
        ),
        mend="Add b_ih and b_hh, or compare with --no-bias if the layer is meant to have none.",
        right_code="a = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh",
        wrong_code="a = x_t @ W_ih.T + h @ W_hh.T",
    ),
    Page(
        slug="bias-counted-twice",
        family=FAMILY,
        cells=EVERY,
        title="a bias is added twice",
        right=RIGHT,
        wrong="h_t = tanh(W_ih x_t + (b_ih + b_hh) + W_hh h_{t-1} + (b_ih + b_hh))",
        causes=(
            "The two biases were added up for a layer with one bias; the layer then adds it on the side of the input "
            "and again on the side of the state. Or one of the two is copied into both places."
        ),
        looks=(
            "Every t differs, t = 0 included, by a shift before the nonlinearity that does not depend on the data. "
            "Where the biases are zero, or cancel, nothing shows."
        ),
        mend="Add b_ih + b_hh once.",
        right_code="""\
b = b_ih + b_hh
a = x_t @ W_ih.T + b + h @ W_hh.T""",
        wrong_code="""\
b = b_ih + b_hh
a = x_t @ W_ih.T + b + h @ W_hh.T + b""",
    ),
    Page(
        slug="scalar-bias",
        family=FAMILY,
        cells=EVERY,
        title="one number is the bias of every unit",
        right="a_j = … + b_j, with b of shape (H,)",
        wrong="a_j = … + β, the same for every unit j",
        causes=(
            "The bias, or each gate's, is made with the shape (1,): broadcasting lets it be added to any number of "
            "units."
        ),
        looks=(
            "Every t differs, t = 0 included, each unit by another shift before the nonlinearity; a unit whose own "
            "bias happens to be that number agrees at t = 0. With H = 1, or equal biases, nothing shows."
        ),
        mend="Give the bias one number for each unit of each gate.",
        right_code="b = nn.Parameter(torch.zeros(H))",
        wrong_code="b = nn.Parameter(torch.zeros(1))",
    ),
    Page(
        slug="bias-along-batch",
        family=FAMILY,
        cells=EVERY,
        title="the bias goes by batch row instead of by unit",
        right="a_{b,j} = … + bias_j, in row b and unit j",
        wrong="a_{b,j} = … + bias_b",
        causes=(
            "States are held as (H, B), a column for each sequence, and a bias of shape (H,) is added as it is: "
            "broadcasting lines it up with the last axis, the batch. That runs only where B fits H, and is an error "
            "elsewhere."
        ),
        looks=(
            "Every t differs, t = 0 included. Two batch rows with the same data and the same h0 get different results."
        ),
        mend="Add the bias along the axis of the units: b[:, None] where states are (H, B).",
        right_code="a = W_hh @ h + b[:, None]  # h is (H, B)",
        wrong_code="a = W_hh @ h + b  # h is (H, B)",
        options="--batch-size 4",
    ),
    Page(
        slug="gates-share-weights",
        family=FAMILY,
        cells=GATED,
        title="every gate uses the same weights",
        right="""\
i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)
f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)""",
        wrong="""\
i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)
f_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)""",
        causes=(
            "One linear map of width H is called for every gate; or the blocks of the stacked matrix are all taken "
            "from the same rows."
        ),
        looks=(
            "Every t differs, t = 0 included, unless all blocks of the weights are equal: a test with constant weights "
            "cannot see it."
        ),
        mend="Give each gate its own block of H rows of the stacked weights.",
        right_code="i, f, g, o = (x_t @ W_ih.T).chunk(4, -1)",
        wrong_code="i = f = g = o = x_t @ W_ih[:H].T",
    ),
    Page(
        slug="input-and-recurrent-swapped",
        family=FAMILY,
        cells=EVERY,
        title="W_ih multiplies the state and W_hh the input",
        right=RIGHT,
        wrong="h_t = tanh(W_hh x_t + b_ih + W_ih h_{t-1} + b_hh)",
        causes=(
            "A fused matrix on [x; h] was cut in the wrong order, which fits whatever the sizes are; or names such as "
            "W_hx were read the other way round, which fits with I = H."
        ),
        looks=(
            "Every t differs, t = 0 included. With two separate matrices, other sizes than I = H give an error about "
            "shapes instead; with equal matrices nothing shows."
        ),
        mend="Multiply the input by W_ih and the state by W_hh.",
        right_code="a = x_t @ W_ih.T + h @ W_hh.T",
        wrong_code="a = x_t @ W_hh.T + h @ W_ih.T",
    ),
    Page(
        slug="parameter-shape",
        family=FAMILY,
        cells=EVERY,
        title="a parameter has a shape the model does not have",
        right="W_ih (G·H, I), W_hh (G·H, H), b_ih and b_hh (G·H,)",
        wrong="any other shape, say W_ih (I, G·H) or b (1,)",
        causes=(
            "input and hidden size are mixed up, gates are missing (G is 1 for an RNN, 4 for an LSTM, 3 for a GRU), a "
            "later layer is made for I inputs instead of D·H, or a matrix is stored the other way round."
        ),
        looks=(
            "No state is shown: two layers that cannot be given the same weights cannot be compared. What is wrong is "
            "said by name, with the shape found and the shape wanted."
        ),
        mend="Make the parameter of the shape that the report asks for.",
        right_code="W_ih = nn.Parameter(torch.empty(4 * H, I))",
        wrong_code="W_ih = nn.Parameter(torch.empty(H, I))",
        plantable=False,
    ),
    Page(
        slug="dead-parameter",
        family=FAMILY,
        cells=EVERY,
        title="a weight changes nothing that the layer computes",
        right="h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)",
        wrong="h_t = tanh(W_ih x_t + b_ih), and W_hh is held all the same",
        causes=(
            "The weight was declared and its term forgotten; the state that it multiplies is always zero; or what it "
            "computes is overwritten, or goes to a result that is thrown away."
        ),
        looks=(
            "The report names the tensor, and the weight of torch.nn that it should hold: whatever that is, the layer "
            "computes the same. The states differ as they do without the weight, often by a fault with a name of its "
            "own, such as no-recurrence."
        ),
        mend="Compute with the weight, or leave it out of the layer.",
        right_code="a = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh",
        wrong_code="a = x_t @ W_ih.T + b_ih",
        plantable=False,
    ),
    Page(
        slug="parameter-not-registered",
        family=FAMILY,
        cells=EVERY,
        title="a weight is not among the layer's parameters",
        right="θ ← θ − η ∂loss/∂θ, for every weight θ",
        wrong="a weight that is not in parameters() stays as it is",
        causes=(
            "The weight is a plain tensor, sits in a plain list or dict of modules, or is copied with torch.tensor or "
            ".data into something that is computed with instead."
        ),
        looks=(
            "Every state agrees: forward is right. The report names the weights that would never be trained; they are "
            "missing from state_dict() too, and .to(device) leaves them behind."
        ),
        mend="Assign an nn.Parameter to the module itself, or use nn.ParameterList and nn.ModuleList.",
        right_code="self.W_hh = nn.Parameter(torch.randn(H, H))",
        wrong_code="self.W_hh = torch.randn(H, H)",
        plantable=False,
    ),
)
