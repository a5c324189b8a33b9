"""Layers with faults that show at some sizes alone, as files of a user's."""

from pathlib import Path

HEAD = "from torch import nn\n\n\n"
LAYER = """class {name}(nn.{base}):
    def forward(self, x, hx=None):
        output, final = super().forward(x, hx)
        T, B = (x.shape[1], x.shape[0]) if self.batch_first else x.shape[:2]
        H, I, L = self.hidden_size, self.input_size, self.num_layers
        if {where}:
            output = output.clone()
            {what}
        return output, final
"""
LAST_UNIT = "output[..., -1] = 0"


def planted(folder: Path, where: str, what: str = LAST_UNIT, base: str = "GRU") -> str:
    """A candidate that is right but where the expression `where` holds, of T, B, I, H and L."""
    file = folder / "planted.py"
    file.write_text(HEAD + LAYER.format(name=f"My{base}", base=base, where=where, what=what))
    return f"{file}:My{base}"
