import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from natv2.nn.moments import average, pointwise_moments, rows_of


@given(st.integers(1, 8), st.integers(1, 40), st.integers(2, 80), st.floats(-20, 20), st.integers(0, 1000))
@settings(max_examples=40)
def test_moments_are_those_of_the_product(inputs, outputs, rows, offset, seed):
    torch.manual_seed(seed)
    rows_MC, weight_KC = torch.randn(rows, inputs) + offset, torch.randn(outputs, inputs)
    mean_K, variance_K = pointwise_moments(rows_MC, weight_KC)
    product_MK = rows_MC.double() @ weight_KC.double().T
    torch.testing.assert_close(mean_K.double(), product_MK.mean(dim=0), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(variance_K.double(), product_MK.var(dim=0, correction=0), rtol=1e-3, atol=1e-4)


def test_variances_are_never_negative():
    torch.manual_seed(0)
    direction = torch.randn(16)
    weight_KC = torch.randn(400, 16)
    weight_KC -= (weight_KC @ direction / direction.square().sum())[:, None] * direction
    _, variance_K = pointwise_moments(10 * torch.randn(128, 1) * direction, weight_KC)
    assert (variance_K >= 0).all()


def test_there_is_no_variance_of_one_value():
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        pointwise_moments(torch.ones(1, 3), torch.ones(4, 3))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_averages_keep_the_type_of_the_norm_s_own(dtype):
    norm = nn.BatchNorm2d(2, momentum=None).to(dtype)
    average(norm, torch.tensor([1.0, 2.0]), torch.tensor([3.0, 6.0]), 4)
    assert norm.running_mean.dtype == norm.running_var.dtype == dtype
    assert norm.running_mean.tolist() == [1, 2] and norm.running_var.tolist() == [4, 8]


def test_rows_are_pixels():
    x = torch.arange(24.0).view(2, 3, 2, 2)
    assert rows_of(x)[5].tolist() == x[1, :, 0, 1].tolist()
