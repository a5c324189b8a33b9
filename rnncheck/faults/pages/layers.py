"""Faults of layers: what each reads, what it starts from, and what is handed out at the end."""

from rnncheck.faults.pages.page import EVERY, Page

FAMILY = "layers"
TWO = "--num-layers 2"

PAGES = (
    Page(
        slug="layer-input-wrong",
        family=FAMILY,
        cells=EVERY,
        title="a layer does not read the layer below it",
        right="layer l at t reads the outputs of layer l − 1 at t",
        wrong="layer l at t reads x_t again, another layer's outputs, or those of t − 1",
        causes=(
            "The loop over layers goes on with the wrong variable, which fits only where the layer reads as many "
            "numbers as it was made for; or in the loop over time a layer reads the state below before its step."
        ),
        looks=(
            "h_n agrees in the layers below and differs from that layer on; lockstep, which looks at every layer, "
            "names it. The output differs at every t."
        ),
        mend="Hand each layer the outputs of the layer below.",
        right_code="""\
out = x
for layer in layers:
    out = layer(out)""",
        wrong_code="""\
out = x
for layer in layers:
    out = layer(x)""",
        options="--num-layers 2 --input-size 4",
    ),
    Page(
        slug="layers-share-weights",
        family=FAMILY,
        cells=EVERY,
        title="several layers use the weights of one",
        right="layer l: tanh(W_ih[l] … + W_hh[l] …)",
        wrong="layer l: tanh(W_ih[0] … + W_hh[0] …), or those of layer 1",
        causes=(
            "[cell] * L repeats one object L times; it does not make L of them. Where the first layer has a cell of "
            "its own, since it reads another width, the upper ones may still be one."
        ),
        looks=(
            "The layer whose own weights are not used differs at every t, in lockstep too; the layers below agree. No "
            "gradient reaches the weights that are not used."
        ),
        mend="Make a cell of its own for each layer.",
        right_code="cells = [Cell(H, H) for _ in range(L)]",
        wrong_code="cells = [Cell(H, H)] * L",
        options="--num-layers 2 --input-size 4",
    ),
    Page(
        slug="residual-connection",
        family=FAMILY,
        cells=EVERY,
        title="a layer's input is added to its output",
        right="layer l gives h_t",
        wrong="layer l gives h_t + what it read at t",
        causes="Deep networks often have such connections; torch.nn's recurrent layers have none.",
        looks=(
            "The output differs at every t by the very input of the layer, and may exceed 1 where tanh bounds the "
            "right one. In the layer itself h_n can agree: what is added is not part of the state."
        ),
        mend="Hand on h_t alone.",
        right_code="out = layer(out)",
        wrong_code="out = out + layer(out)",
        options=TWO,
    ),
    Page(
        slug="layer-state-swapped",
        family=FAMILY,
        cells=EVERY,
        title="layers start from each other's initial states",
        right="layer l in direction d starts from h0[l · D + d]",
        wrong="layer l in direction d starts from h0[d · L + l], or from h0[L − 1 − l]",
        causes="h0 is (L · D, B, H), layer by layer and in each layer direction by direction; it is indexed otherwise.",
        looks=(
            "Free running, the difference is there at t = 0 and usually fades. Lockstep hands every state in as an "
            "initial state, so it fails at every step. With --h0 zeros the free run agrees, and lockstep alone fails, "
            "from t = 1 on."
        ),
        mend="Read the initial state of layer l in direction d at h0[l * D + d].",
        right_code="h = h0[layer * D + direction]",
        wrong_code="h = h0[direction * L + layer]",
        options=TWO,
    ),
    Page(
        slug="final-state-wrong",
        family=FAMILY,
        cells=EVERY,
        title="h_n is not the state after the last step",
        right="h_n = h_{T-1}; of the backward direction s_0",
        wrong="h_n = another timestep's; of the backward direction s_{T-1}",
        causes=(
            "h_n is cut from the output at the last timestep, where the backward direction has only taken its first "
            "step, or at the first, as output[0] of time-first outputs is; or it is taken before the last step."
        ),
        looks=(
            "The output agrees at every t: only h_n, and c_n of an LSTM, differ. A direction that is read at its first "
            "step passes lockstep, for in a single step first and last are one; a state one step early fails it "
            "everywhere."
        ),
        mend="Return the state that each direction ends with: the backward one ends at t = 0.",
        right_code="h_n = torch.stack([h[-1], s[0]])",
        wrong_code="h_n = torch.stack([h[-1], s[-1]])",
    ),
    Page(
        slug="final-state-swapped",
        family=FAMILY,
        cells=EVERY,
        title="the final states are handed out in another order",
        right="h_n[l · D + d] is that of layer l in direction d",
        wrong="h_n[d · L + l], or h_n[L − 1 − l], or c_n for h_n",
        causes=(
            "The states are collected in another order than layer by layer and direction by direction; or an LSTM "
            "returns (c_n, h_n), or its cell (c, h) after every step."
        ),
        looks=(
            "The output agrees at every t, while h_n has the reference's rows in another order. Lockstep reads the "
            "final states of single steps, and fails at every step."
        ),
        mend="Stack the final states layer by layer, the forward direction of each first, and return (h_n, c_n).",
        right_code="return output, (h_n, c_n)",
        wrong_code="return output, (c_n, h_n)",
        options=TWO,
    ),
)
