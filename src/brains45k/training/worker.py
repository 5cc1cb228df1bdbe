"""What the processes that read for a training have in common."""

import signal

# As long as Slurm and torchrun wait before they kill.
_GRACE_S = 30


def go_on_for_a_while(_worker: int) -> None:
    """Let a worker outlive the signal that ends a job: the training process first ends its step and keeps its state."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(_GRACE_S))
