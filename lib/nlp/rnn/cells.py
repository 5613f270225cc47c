"""The recurrent networks that the lab compares: torch's own cells, with the start that each name says.

- ``rnn``: h_t = tanh(W_ih x_t + W_hh h_{t-1} + b) (Elman 1990); torch's start: all weights uniform in ±1/sqrt(units),
  which gives W_hh a spectral radius of 1/sqrt(3) = 0.58.
- ``rnn orthogonal``: the same with W_hh orthogonal, all of whose singular values are 1 (Saxe et al. 2014).
- ``lstm``: a cell c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t behind gates (Hochreiter & Schmidhuber 1997; Gers et al. 2000);
  torch's start leaves its forget gate f half open, as σ(0) = 0.5.
- ``lstm forget 1``: the same with 1 added to the forget gate's bias (Jozefowicz et al. 2015), σ(1) = 0.73.
- ``gru``: h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ n_t (Cho et al. 2014); z also begins half open.

Inputs are (T, batch, inputs), outputs the states (T, batch, units).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from lib.harness.contract.seeds import Seed

if TYPE_CHECKING:
    import torch

Network = Literal["rnn", "rnn orthogonal", "lstm", "lstm forget 1", "gru"]
NETWORKS: tuple[Network, ...] = ("rnn", "rnn orthogonal", "lstm", "lstm forget 1", "gru")
UNITS: Mapping[Network, int] = {"rnn": 64, "rnn orthogonal": 64, "lstm": 30, "lstm forget 1": 30, "gru": 35}
"""Units that give each about 4,750 parameters with 8 inputs: a comparison at equal size."""


def recurrent(
    network: Network, inputs: int, units: int, *, radius: float | None = None, bias: float | None = None
) -> Any:
    """torch's module with the start that `network` says, drawn from torch's global generator.

    Args:
        radius: gives ``rnn`` a W_hh of independent normal values and this spectral radius (for many units), and
            ``rnn orthogonal`` these singular values.
        bias: added to the bias of the gate that keeps: forget gate f of an LSTM, update gate z of a GRU.
    """
    import torch

    kind = network.split()[0]
    module: Any = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](inputs, units)
    if network == "lstm forget 1" and bias is None:
        bias = 1.0
    with torch.no_grad():
        if network == "rnn orthogonal":
            torch.nn.init.orthogonal_(module.weight_hh_l0, gain=1 if radius is None else radius)
        elif radius is not None:
            module.weight_hh_l0.normal_(0, radius / units**0.5)
        if bias is not None:
            module.bias_ih_l0[units : 2 * units] += bias
    return module


class Reader:
    """A recurrent network with a linear answer: the two modules and their parameters as one.

    Attributes:
        cells: the recurrent module.
        answer: the linear map from states to answers.
    """

    def __init__(self, network: Network, inputs: int, units: int, outputs: int, seed: Seed):
        import torch

        torch.manual_seed(seed.integer("start", network))
        self.cells = recurrent(network, inputs, units)
        self.answer = torch.nn.Linear(units, outputs)

    def __call__(self, X: torch.Tensor) -> torch.Tensor:
        """The answers after the last step: (batch, outputs)."""
        answers: torch.Tensor = self.answer(self.cells(X)[0][-1])
        return answers

    def parameters(self) -> list[torch.nn.Parameter]:
        """All of them, for an optimizer."""
        return [*self.cells.parameters(), *self.answer.parameters()]

    def arrays(self) -> dict[str, Any]:
        """All parameters, named, as arrays."""
        named = (("cells", self.cells), ("answer", self.answer))
        return {f"{part}.{name}": p.detach().numpy() for part, module in named for name, p in module.named_parameters()}
