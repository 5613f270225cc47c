"""The recurrent networks that the lab compares: torch's own cells, with the start that each name says.

- ``rnn``: h_t = tanh(W_ih x_t + W_hh h_{t-1} + b) (Elman 1990); torch's start: all weights uniform in ±1/sqrt(units),
  which gives W_hh a spectral radius of 1/sqrt(3) = 0.58.
- ``rnn orthogonal``: the same with W_hh orthogonal, all of whose singular values are 1 (Saxe et al. 2014).
- ``lstm``: a cell c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t behind gates (Hochreiter & Schmidhuber 1997; Gers et al. 2000);
  torch's start leaves its forget gate f half open, as σ(0) = 0.5.
- ``lstm forget 1``: the same with 1 added to the forget gate's bias (Jozefowicz et al. 2015), σ(1) = 0.73.
- ``gru``: h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ n_t (Cho et al. 2014); z also begins half open.
- ``lstm chrono``, ``gru chrono``: the gates' biases drawn so that the units remember for 1 to `memory` steps, evenly on
  a log scale of the odds (Tallec & Ollivier 2018, equation 15): b_f = log U(1, memory - 1) and b_i = -b_f for an LSTM,
  b_z = log U(1, memory - 1) for a GRU.

Inputs are (T, batch, inputs), outputs the states (T, batch, units).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from lib.harness.contract.seeds import Seed

if TYPE_CHECKING:
    import torch

Network = Literal["rnn", "rnn orthogonal", "lstm", "lstm forget 1", "lstm chrono", "gru", "gru chrono"]
NETWORKS: tuple[Network, ...] = get_args(Network)
CHRONO: tuple[Network, ...] = ("lstm chrono", "gru chrono")
UNITS: Mapping[Network, int] = {name: {"rnn": 64, "lstm": 30, "gru": 35}[name.split()[0]] for name in NETWORKS}
"""Units that give each about 4,750 parameters with 8 inputs: a comparison at equal size."""


def recurrent(
    network: Network,
    inputs: int,
    units: int,
    *,
    radius: float | None = None,
    bias: float | None = None,
    memory: int | None = None,
) -> Any:
    """torch's module with the start that `network` says, drawn from torch's global generator.

    Args:
        radius: gives ``rnn`` a W_hh of independent normal values and this spectral radius (for many units), and
            ``rnn orthogonal`` these singular values.
        bias: added to the bias of the gate that keeps: forget gate f of an LSTM, update gate z of a GRU.
        memory: for ``chrono``, the most steps that a unit is to remember at the start; at least 2.

    Raises:
        ValueError: a chrono start without a memory.
    """
    import torch

    kind, _, start = network.partition(" ")
    module: Any = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](inputs, units)
    if start == "forget 1" and bias is None:
        bias = 1.0
    with torch.no_grad():
        if start == "orthogonal":
            torch.nn.init.orthogonal_(module.weight_hh_l0, gain=1 if radius is None else radius)
        elif radius is not None:
            module.weight_hh_l0.normal_(0, radius / units**0.5)
        if bias is not None:
            module.bias_ih_l0[units : 2 * units] += bias
        if start == "chrono":
            if memory is None or memory < 2:
                raise ValueError(f"a chrono start needs a memory of 2 steps or more, not {memory}")
            keeps = torch.empty(units).uniform_(1, memory - 1).log_()
            _set_bias(module, 1, keeps)  # forget gate of an LSTM, update gate of a GRU: both are the second
            if kind == "lstm":
                _set_bias(module, 0, -keeps)
    return module


def _set_bias(module: Any, gate: int, values: torch.Tensor) -> None:
    """Set the bias of a module's gate, of which torch has two: these values and 0."""
    which = slice(gate * module.hidden_size, (gate + 1) * module.hidden_size)
    module.bias_ih_l0[which] = values
    module.bias_hh_l0[which] = 0


class Reader:
    """A recurrent network with a linear answer: the two modules and their parameters as one.

    Args:
        memory: of a chrono start.

    Attributes:
        cells: the recurrent module.
        answer: the linear map from states to answers.
    """

    def __init__(
        self, network: Network, inputs: int, units: int, outputs: int, seed: Seed, *, memory: int | None = None
    ):
        import torch

        torch.manual_seed(seed.integer("start", network))
        self.cells = recurrent(network, inputs, units, memory=memory)
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
