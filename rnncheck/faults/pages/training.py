"""Faults of training: dropout, and the way back through time."""

from rnncheck.faults.pages.page import EVERY, Page

FAMILY = "training"
RIGHT = "∂h_t/∂h_0 = ∂h_t/∂h_{t-1} · … · ∂h_1/∂h_0"

PAGES = (
    Page(
        slug="dropout-in-eval",
        family=FAMILY,
        cells=EVERY,
        title="dropout is applied in evaluation mode",
        right="layer l reads h, the outputs of layer l − 1",
        wrong="layer l reads m ⊙ h / (1 − p), with m zero or one at random",
        causes=(
            "functional.dropout is called without training=self.training, and its own default is True; or eval() does "
            "not reach a module that is kept in a plain list."
        ),
        looks=(
            "Two calls on the same input differ from each other. The first layer's states agree; those above differ, "
            "and are right only on the average."
        ),
        mend="Pass training=self.training to functional.dropout, or use nn.Dropout.",
        right_code="out = F.dropout(out, p, self.training)",
        wrong_code="out = F.dropout(out, p)",
        options="--num-layers 2 --dropout 0.5",
    ),
    Page(
        slug="gradient-detached",
        family=FAMILY,
        cells=EVERY,
        title="the gradient is cut between timesteps",
        right=RIGHT,
        wrong="∂h_t/∂h_{t-1} = 0, though h_t is computed from h_{t-1}",
        causes=(
            "detach(), .data or a round trip through numpy inside the loop over time; it belongs between calls, if "
            "anywhere, in truncated backpropagation."
        ),
        looks=(
            "Every state agrees: forward is right. No gradient reaches h0 from the last state; those of x stop some "
            "timesteps before the end, those of W_ih and W_hh are wrong. The report says how far back they reach."
        ),
        mend="Leave the state attached within a call: take detach(), .data and numpy out of the loop.",
        right_code="""\
for x_t in x:
    h = cell(x_t, h)""",
        wrong_code="""\
for x_t in x:
    h = cell(x_t, h.detach())""",
    ),
    Page(
        slug="gradient-missing",
        family=FAMILY,
        cells=EVERY,
        title="no gradient reaches an input or a weight",
        right="∂loss/∂W_hh is what backpropagation through time gives",
        wrong="∂loss/∂W_hh does not exist",
        causes=(
            "The layer computes under torch.no_grad, copies a weight with .data or torch.tensor, goes through numpy, "
            "or fills a preallocated result that autograd does not follow."
        ),
        looks=(
            "Every state agrees: forward is right. Of the gradients some are missing altogether, and the report names "
            "of what."
        ),
        mend="Compute with the parameters themselves, in torch, and with autograd on.",
        right_code="h = torch.tanh(p + h @ self.W_hh.T)",
        wrong_code="h = torch.tanh(p + h @ self.W_hh.data.T)",
    ),
)
