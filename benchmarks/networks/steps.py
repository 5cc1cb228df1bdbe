"""Training steps on random voxels: the network forward and backward, and AdamW. Ours and the peer run the same code."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass

import torch
from plain import plain_network
from torch import Tensor, nn

from brains45k.networks import Options, create

OURS, PLAIN, IN_PLACE = "ours", "plain", "plain, in place"
#: What is switched on, by the name that tables show.
OPTIONS = {
    "none": Options(),
    "checkpointing": Options(checkpointing=True),
    "channels_last": Options(channels_last=True),
    "checkpointing, channels_last": Options(checkpointing=True, channels_last=True),
    "compile": Options(compile=True),
    "checkpointing, compile": Options(checkpointing=True, compile=True),
}
_RATE = 1e-5


@dataclass(frozen=True, slots=True)
class Case:
    """What is trained on what."""

    network: str
    size_voxels: int
    batch: int = 1
    implementation: str = OURS
    options: str = "none"
    device: str = "cpu"
    precision: str = "32"

    def __str__(self) -> str:
        """Name it in a line of progress."""
        return ", ".join(map(str, asdict(self).values()))


@dataclass(frozen=True, slots=True)
class Step:
    """A network that can be trained a step further."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    image: Tensor
    target: Tensor
    autocast: Callable[[], AbstractContextManager[object]]

    def forward_backward(self) -> None:
        """Compute a loss and its gradients."""
        self.optimizer.zero_grad()
        with self.autocast():
            loss = nn.functional.mse_loss(self.network(self.image).float(), self.target)
        loss.backward()

    def update(self) -> None:
        """Change the weights."""
        self.optimizer.step()


def make_step(case: Case) -> Step:
    """Make a network with the weights that a seed draws, its optimizer and its images.

    Ours is trained with torch's fused AdamW, the peer with AdamW as one calls it: the same result to rounding.
    """
    torch.manual_seed(3)
    network = _network(case).to(case.device)
    is_ours = case.implementation == OURS
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, fused=True if is_ours else None)
    image = torch.rand(case.batch, 1, *(case.size_voxels,) * 3, device=case.device)

    def autocast() -> AbstractContextManager[object]:
        if case.precision == "32":
            return nullcontext()
        return torch.autocast(case.device, torch.bfloat16)

    return Step(network, optimizer, image, target=image, autocast=autocast)


def cpu_seconds_of(steps: dict[str, Step], *, repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Time steps in turns: CPU seconds of forward and backward, and of the update, once per repetition."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for number in range(repeats + 1):
        for name in _turn(list(steps), number):
            start = time.process_time()
            steps[name].forward_backward()
            middle = time.process_time()
            steps[name].update()
            # The first one allocates what the others keep.
            if number:
                found[name].append((middle - start, time.process_time() - middle))
    return found


def _turn(names: list[str], number: int) -> Iterator[str]:
    """Let another begin each time: whoever follows finds the allocator as the one before left it."""
    first = number % len(names)
    yield from names[first:] + names[:first]


def _network(case: Case) -> nn.Module:
    if case.implementation == OURS:
        return create(case.network, 1, 1, "reconstruction", options=OPTIONS[case.options])
    return plain_network(case.network, in_place=case.implementation == IN_PLACE)
