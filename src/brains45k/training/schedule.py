"""The learning rate over a run: linear warm-up, then half a cosine down to 0."""

import math


def learning_rate_factor(step: int, *, warmup_steps: int, total_steps: int) -> float:
    """Return what the learning rate is multiplied with at a step.

    Warm-up begins at a thousandth. The reference (asbjrnmunk/amaes at a51df88) plans fewer steps than it takes, so that
    its rate rises again at the very end; here the last step is the last of the plan.

    Parameters
    ----------
    step : int
        Number of optimizer steps taken before this one.
    warmup_steps : int
        Length of the warm-up.
    total_steps : int
        Length of the run, warm-up included.
    """
    if step < warmup_steps:
        return 0.001 + 0.999 * step / warmup_steps
    share = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))
