"""Lab 08, since 2017: an exercise is solved by every correct way to write it."""

import math

import pytest
import torch
import torch.nn.functional as F

from exercises import find
from exercises.check import verdict


def rms_norm_by_library(x, weight, eps):
    return F.rms_norm(x, weight.shape, weight, eps)


def rms_norm_by_length(x, weight, eps):
    """The length over √d is the root of the mean square."""
    size = torch.linalg.vector_norm(x, dim=-1, keepdim=True) ** 2 / x.shape[-1]
    return weight * x * torch.rsqrt(size + eps)


def rms_norm_by_variance(x, weight, eps):
    """The mean of the squares is the variance and the square of the mean."""
    square = x.var(-1, correction=0) + x.mean(-1) ** 2
    return x.div((square + eps).sqrt().unsqueeze(-1)).mul(weight)


def turned_by_complex_numbers(x, position):
    half = x.size(0) // 2
    angle = position * 10_000.0 ** (-torch.arange(half) / half)
    z = torch.complex(x[:half], x[half:]) * torch.polar(torch.ones(half), angle)
    return torch.cat([z.real, z.imag])


def turned_as_the_library_does(x, position):
    angle = position / 10_000 ** (torch.arange(0, len(x), 2) / len(x))
    angle = torch.cat([angle, angle])
    first, second = x.split(len(x) // 2)
    return x * angle.cos() + torch.cat([-second, first]) * angle.sin()


def turned_by_loop(x, position):
    result, half = x.clone(), len(x) // 2
    for i in range(half):
        phi = position / 10_000 ** (2 * i / len(x))
        a, b = x[i].item(), x[half + i].item()
        result[i] = a * math.cos(phi) - b * math.sin(phi)
        result[half + i] = a * math.sin(phi) + b * math.cos(phi)
    return result


def shared_by_expanding(keys, num_heads):
    batch, sets, length, d_k = keys.shape
    wide = keys[:, :, None].expand(-1, -1, num_heads // sets, -1, -1)
    return wide.reshape(batch, num_heads, length, d_k)


def shared_by_index(keys, num_heads):
    return keys[:, [h * keys.size(1) // num_heads for h in range(num_heads)]]


def shared_by_loop(keys, num_heads):
    group = num_heads // keys.size(1)
    return torch.stack([keys[:, h // group] for h in range(num_heads)], dim=1)


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("8.E", rms_norm_by_library),
        ("8.E", rms_norm_by_length),
        ("8.E", rms_norm_by_variance),
        ("8.F", turned_by_complex_numbers),
        ("8.F", turned_as_the_library_does),
        ("8.F", turned_by_loop),
        ("8.G", shared_by_expanding),
        ("8.G", shared_by_index),
        ("8.G", shared_by_loop),
        ("8.H", (4096, 1024)),
        ("8.H", torch.tensor([4096, 1024])),
        ("8.H", [2 * 32 * sets * 128 * 8192 * 2 / 2**20 for sets in (32, 8)]),
    ],
)
def test_it_is_correct(number, answer):
    assert verdict(find(number), answer).startswith(f"● {number} correct.")
