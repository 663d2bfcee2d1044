"""Lab 08, since 2017: an exercise is solved by every correct way to write it."""

import math

import pytest
import torch

from exercises import find
from exercises.check import verdict


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


def layer_in_one_line(x, norm1, attention, norm2, feed_forward):
    return (y := x + attention(norm1(x))) + feed_forward(norm2(y))


def layer_by_loop(x, norm1, attention, norm2, feed_forward):
    for norm, sublayer in ((norm1, attention), (norm2, feed_forward)):
        x = x + sublayer(norm(x))
    return x


def layer_in_place(x, norm1, attention, norm2, feed_forward):
    x = x.clone()
    x += attention(norm1(x))
    x += feed_forward(norm2(x))
    return x


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("8.E", turned_by_complex_numbers),
        ("8.E", turned_as_the_library_does),
        ("8.E", turned_by_loop),
        ("8.F", shared_by_expanding),
        ("8.F", shared_by_index),
        ("8.F", shared_by_loop),
        ("8.G", (4096, 1024)),
        ("8.G", torch.tensor([4096, 1024])),
        ("8.G", [2 * 32 * sets * 128 * 8192 * 2 / 2**20 for sets in (32, 8)]),
        ("8.H", layer_in_one_line),
        ("8.H", layer_by_loop),
        ("8.H", layer_in_place),
    ],
)
def test_it_is_correct(number, answer):
    assert verdict(find(number), answer).startswith(f"● {number} correct.")
