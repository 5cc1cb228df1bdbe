import pytest

torch = pytest.importorskip("torch")

from brains45k.training.optimization import adamw, is_gradient_finite  # noqa: E402


def test_the_schedule_scales_the_rate_and_every_parameter_decays() -> None:
    layer = torch.nn.Linear(2, 2)
    found = adamw(layer.parameters(), learning_rate=0.1, weight_decay=0.5, factor=lambda step: 1 / (1 + step))
    optimizer, scheduler = found["optimizer"], found["lr_scheduler"]["scheduler"]
    assert [len(group["params"]) for group in optimizer.param_groups] == [2]
    rates = []
    before = layer.bias.detach().clone()
    for _ in range(3):
        rates.append(optimizer.param_groups[0]["lr"])
        for parameter in layer.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([0.1, 0.05, 0.1 / 3])
    # With no gradient there is the decay alone: 1 - rate * decay at each step.
    shrunk = (1 - 0.05) * (1 - 0.025) * (1 - 0.05 / 3)
    torch.testing.assert_close(layer.bias.detach(), before * shrunk)


@pytest.mark.parametrize(("value", "finite"), [(1.0, True), (float("inf"), False), (float("nan"), False)])
def test_one_value_that_is_not_finite_spoils_a_gradient(value: float, finite: bool) -> None:
    layer = torch.nn.Linear(3, 1)
    layer.weight.grad = torch.tensor([[0.0, value, 2.0]])
    assert is_gradient_finite(layer.parameters()) is finite
