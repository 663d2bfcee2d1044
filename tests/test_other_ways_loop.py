"""Notebooks 06 and 07 and a lab: an exercise is solved by every correct way to write it."""

import math

import pytest
import torch
import torch.nn.functional as F

from exercises import find
from exercises.check import verdict
from transformer.alignment import word_map


def perplexity_by_tensors(losses, tokens):
    losses, tokens = torch.tensor(losses), torch.tensor(tokens).float()
    return (losses @ tokens / tokens.sum()).exp()


def average_in_place(states):
    mean = {name: torch.zeros_like(tensor) for name, tensor in states[0].items()}
    for state in states:
        for name, tensor in state.items():
            mean[name] += tensor / len(states)
    return mean


def average_backwards(states):
    names = reversed(list(states[0]))
    return {name: torch.stack([s[name] for s in states], dim=-1).mean(-1) for name in names}


def step_by_hand(model, optimizer, source, target_in, target_out, smoothing):
    """Gradients to zero first, the loss without F.cross_entropy, a tensor back."""
    optimizer.zero_grad()
    logs = model(source, target_in).log_softmax(dim=-1)  # (batch, length, vocabulary)
    right = logs.gather(-1, target_out[..., None]).squeeze(-1)  # (batch, length)
    losses = -(1 - smoothing) * right - smoothing * logs.mean(dim=-1)
    loss = losses[target_out != 0].mean()
    loss.backward()
    optimizer.step()
    return loss


def hits_by_one_hot(weights, truth):
    looked = F.one_hot(weights.argmax(-1), truth.size(1)).bool()  # (heads, target, source)
    return (looked & truth).sum((-2, -1)) / truth.size(0)


def hits_by_loop(weights, truth):
    shares = []
    for head in weights:
        shares.append(sum(bool(t[row.argmax()]) for row, t in zip(head, truth, strict=True)))
    return [share / len(truth) for share in shares]


def words_by_lists(weights, german, english):
    table = [[0.0] * (max(english) + 1) for _ in range(max(german) + 1)]
    for g in range(len(table)):
        row = weights[german.index(g)].tolist()
        for e, weight in zip(english, row, strict=True):
            table[g][e] += weight if e != -1 else 0.0
    return torch.tensor(table)


def rate_by_sets(found, true):
    a, s = ({tuple(cell) for cell in table.nonzero().tolist()} for table in (found, true))
    return 1 - (len(a & s) + len(s & a)) / (len(a) + len(s))


def without_question_by_mask(weight, bias, head, num_heads):
    kept = (torch.arange(num_heads) != head).repeat_interleave(len(weight) // num_heads)
    return [weight * kept[:, None], bias * kept]


def write_by_recursion(step, start, end, limit):
    def after(ids):
        if len(ids) > limit:
            return []
        scores, weights = step(ids)
        token = scores.max(dim=0).indices.item()
        return [] if token == end else [(token, weights), *after(ids + [token])]

    ids, rows = zip(*after([start]), strict=True)
    return ids, torch.cat([row[None] for row in rows])


WAYS = [
    ("6.7", ["order", "zero", "mode", "padding", "sum"]),
    ("6.8", perplexity_by_tensors),
    ("6.8", lambda n, t: math.prod(math.exp(a * b / sum(t)) for a, b in zip(n, t, strict=True))),
    ("6.9", [200.0, 1.0]),
    ("6.9", (4e-3 * 800 / 1600 / 1e-5, 4e-3 / 400 / 1e-5)),
    ("6.10", ["zero", "infinite", "kept", "kept", "lost"]),
    ("6.11", average_in_place),
    ("6.11", average_backwards),
    ("6.12", lambda first, second, n1, n2: first.lerp(second, n2 / (n1 + n2))),
    ("6.12", lambda first, second, n1, n2: first * n1 / (n1 + n2) + second * n2 / (n1 + n2)),
    ("6.13", step_by_hand),
    ("7.7", ("Kiste", "nicht")),
    ("7.8", write_by_recursion),
    ("7.A", hits_by_one_hot),
    ("7.A", hits_by_loop),
    ("7.B", word_map),
    ("7.B", words_by_lists),
    ("7.C", rate_by_sets),
    ("7.C", lambda found, true: ((found ^ true).sum() / (found.sum() + true.sum())).item()),
    ("7.D", without_question_by_mask),
]


@pytest.mark.parametrize(("number", "answer"), WAYS, ids=[number for number, _ in WAYS])
def test_another_correct_way_is_accepted(number, answer):
    said = verdict(find(number), answer)
    assert said.startswith(f"● {number} correct."), said
