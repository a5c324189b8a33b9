"""Faults of time: the order of the steps, and the direction that reads from the end."""

from rnncheck.faults.pages.page import EVERY, Page

FAMILY = "time"
BOTH = "--bidirectional"

PAGES = (
    Page(
        slug="output-off-by-one",
        family=FAMILY,
        cells=EVERY,
        title="the output at t is the state before the step",
        right="output_t = h_t",
        wrong="output_t = h_{t-1}, and output_0 = h0",
        causes="The state is appended to the outputs before the step instead of after it.",
        looks=(
            "The candidate's row t + 1 is the reference's row t, and its row 0 is h0. In a network of one layer h_n "
            "and lockstep agree: every state is right, it only stands one row too late."
        ),
        mend="Append the state after the step.",
        right_code="""\
for x_t in x:
    h = cell(x_t, h)
    output.append(h)""",
        wrong_code="""\
for x_t in x:
    output.append(h)
    h = cell(x_t, h)""",
    ),
    Page(
        slug="output-reversed",
        family=FAMILY,
        cells=EVERY,
        title="the outputs are in reverse order",
        right="output_t = h_t",
        wrong="output_t = h_{T-1-t}",
        causes=(
            "The outputs are flipped once too often, or collected from the front of a list that grows at its front."
        ),
        looks=(
            "The candidate's row t is the reference's row T − 1 − t, while h_n and lockstep agree: every state is "
            "right. With an odd T the timestep in the middle agrees too; with T = 1 everything does."
        ),
        mend="Hand the outputs out in the order of time, without a flip.",
        right_code="output = torch.stack(outputs)",
        wrong_code="output = torch.stack(outputs).flip(0)",
    ),
    Page(
        slug="time-reversed",
        family=FAMILY,
        cells=EVERY,
        title="the sequence is read from its end",
        right="h_t = cell(x_t, h_{t-1})",
        wrong="h_t = cell(x_{T-1-t}, h_{t-1}), or h_t = cell(x_t, h_{t+1})",
        causes=(
            'The input is flipped, as go_backwards does in Keras or the direction "reverse" in ONNX; or the backward '
            "half of a bidirectional layer stands in for the forward one."
        ),
        looks=(
            "Free running differs at every t. Lockstep passes: its sequences are one step long, and one step has no "
            "order. With T = 1 nothing shows."
        ),
        mend="Read the timesteps from the first to the last.",
        right_code="""\
for t in range(T):
    output[t] = h = cell(x[t], h)""",
        wrong_code="""\
for t in reversed(range(T)):
    output[t] = h = cell(x[t], h)""",
    ),
    Page(
        slug="reverse-not-flipped",
        family=FAMILY,
        cells=EVERY,
        title="the backward outputs stay in reading order",
        right="output_t = [h_t, s_t], s_t the backward state that has read x_{T-1} … x_t",
        wrong="output_t = [h_t, s_{T-1-t}]",
        causes=(
            "The input was flipped for the backward direction, and what came out was joined to the forward outputs "
            "without flipping it back."
        ),
        looks=(
            "The backward half of the last layer's units is the reference's with time upside down; in a network of one "
            "layer the forward half, h_n and lockstep agree. With an odd T the timestep in the middle agrees too; with "
            "T = 1 everything does."
        ),
        mend="Flip the backward direction's outputs back to the order of time.",
        right_code="""\
s = backward(x.flip(0)).flip(0)
output = torch.cat([h, s], -1)""",
        wrong_code="""\
s = backward(x.flip(0))
output = torch.cat([h, s], -1)""",
        options=BOTH,
    ),
    Page(
        slug="reverse-reads-forward",
        family=FAMILY,
        cells=EVERY,
        title="the backward direction reads forward",
        right="s_t = cell(x_t, s_{t+1})",
        wrong="s_t = cell(x_t, s_{t-1})",
        causes="Both directions are given the same x: the flip, or reversed(range(T)), is missing.",
        looks=(
            "The backward half of the last layer's units differs at every t, and so does h_n of that direction; in a "
            "network of one layer the forward half agrees. Lockstep passes, for one step has no order. With T = 1 "
            "nothing shows."
        ),
        mend="Let the backward direction read from the last timestep to the first.",
        right_code="""\
for t in reversed(range(T)):
    backward[t] = s = cell(x[t], s)""",
        wrong_code="""\
for t in range(T):
    backward[t] = s = cell(x[t], s)""",
        options=BOTH,
    ),
    Page(
        slug="reverse-shares-weights",
        family=FAMILY,
        cells=EVERY,
        title="the backward direction uses the forward weights",
        right="s_t = tanh(W'_ih x_t + b'_ih + W'_hh s_{t+1} + b'_hh)",
        wrong="s_t = tanh(W_ih x_t + b_ih + W_hh s_{t+1} + b_hh)",
        causes=(
            "One cell is made and run in both directions; the weights whose names end in _reverse are loaded and then "
            "not used, or not loaded at all."
        ),
        looks=(
            "The backward half of the units differs at every t, in lockstep too; in a network of one layer the forward "
            "half agrees. No gradient reaches the weights of the backward direction."
        ),
        mend="Use the weights whose names end in _reverse in the backward direction.",
        right_code="""\
h = run(forward_cell, x)
s = run(backward_cell, x.flip(0)).flip(0)""",
        wrong_code="""\
h = run(forward_cell, x)
s = run(forward_cell, x.flip(0)).flip(0)""",
        options=BOTH,
    ),
    Page(
        slug="directions-swapped",
        family=FAMILY,
        cells=EVERY,
        title="the backward direction comes before the forward",
        right="output_t = [h_t, s_t]",
        wrong="output_t = [s_t, h_t]",
        causes=(
            "The two are concatenated in the other order, or another framework's order is taken over, such as unit by "
            "unit in turn."
        ),
        looks=(
            "The candidate's unit j is the reference's unit j + H, and its unit j + H the reference's unit j, at every "
            "t. In a network of one layer h_n and lockstep agree."
        ),
        mend="Concatenate the forward direction first.",
        right_code="output = torch.cat([h, s], -1)",
        wrong_code="output = torch.cat([s, h], -1)",
        options=BOTH,
    ),
    Page(
        slug="directions-summed",
        family=FAMILY,
        cells=EVERY,
        title="the directions are added up, not put side by side",
        right="output_t = [h_t, s_t]",
        wrong="output_t = h_t + s_t",
        causes='Some layers merge by adding: Keras with merge_mode="sum", early speech models by default.',
        looks=(
            "The output has H units where 2 H are wanted, and no number of it is compared: the report says both "
            "shapes. In a network of one layer h_n agrees."
        ),
        mend="Concatenate the directions along the last axis.",
        right_code="output = torch.cat([h, s], -1)",
        wrong_code="output = h + s",
        options=BOTH,
    ),
)
