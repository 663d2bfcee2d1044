"""Notebooks 06 and 07 and labs: an exercise is solved by every correct way to write it."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch.optim.lr_scheduler import LambdaLR

from exercises import find
from exercises.check import verdict
from transformer.alignment import word_map
from transformer.training import learning_rate, translation_loss


def cut_by_places(word, merges):
    parts = [*word]
    for left, right in merges:
        place = 0
        while place < len(parts) - 1:
            if parts[place : place + 2] == [left, right]:
                parts[place : place + 2] = [left + right]
            place += 1
    return parts


def cut_by_regex(word, merges):
    text = " " + " ".join(word) + " "
    for left, right in merges:
        text = re.sub(rf"(?<= ){re.escape(left)} {re.escape(right)}(?= )", left + right, text)
    return tuple(text.split())


def loss_by_gather(scores, target, smoothing, pad):
    logs = scores.log_softmax(dim=-1)  # (batch, length, vocabulary)
    right = logs.gather(-1, target[..., None]).squeeze(-1)  # (batch, length)
    losses = -(1 - smoothing) * right - smoothing * logs.mean(dim=-1)
    return losses[target != pad].mean()


def left(step, warmup, total):
    """What is left of the peak on the way down."""
    return (warmup / step) ** 0.5 if total is None else max(0, total - step) / (total - warmup)


def train_by_zip(model, batches, epochs, peak, warmup, evaluate):
    """Gradients to zero first, the mean by a list, the step's number from a counter."""
    adam = torch.optim.Adam(model.parameters(), lr=peak, betas=(0.9, 0.98), eps=1e-9)
    numbers, history = iter(range(1, 10**9)), []
    for epoch in range(epochs):
        batches.set_epoch(epoch + 1)
        model = model.train()
        losses = []
        for batch, number in zip(batches, numbers, strict=False):
            adam.zero_grad()
            for group in adam.param_groups:
                group["lr"] = learning_rate(number, peak, warmup, epochs * len(batches))
            scores = model(batch.source, batch.target_in)
            loss = loss_by_gather(scores, batch.target_out, 0.1, 0)
            loss.backward()
            adam.step()
            losses.append(loss.item())
        model.eval()
        row = {"epoch": epoch + 1, "training loss": sum(losses) / len(losses), **evaluate(model)}
        history.append(row)
    return history


def train_with_everything_inside(model, batches, epochs, peak, warmup, evaluate):
    """A scheduler of PyTorch's, and the model left in eval mode by evaluate's own line."""
    adam = torch.optim.Adam(model.parameters(), lr=peak, betas=(0.9, 0.98), eps=1e-9)
    total, history = epochs * len(batches), []
    rates = LambdaLR(adam, lambda done: learning_rate(done + 1, 1.0, warmup, total))
    for epoch in range(1, epochs + 1):
        batches.set_epoch(epoch)
        said = 0.0
        for batch in batches:
            model.train()
            adam.zero_grad()
            loss = translation_loss(model(batch.source, batch.target_in), batch.target_out)
            loss.backward()
            adam.step()
            rates.step()
            said += loss.item() / len(batches)
        history += [{"epoch": epoch, "training loss": said} | evaluate(model.eval())]
    return tuple(history)


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


def who_goes_on_by_comprehension(chosen, sentences, step, limits, end):
    n = step + 1
    return [i for i, s in enumerate(sentences) if chosen[i] != end and n != limits[s]]


def who_goes_on_by_tensors(chosen, sentences, step, limits, end):
    left = torch.tensor(limits)[sentences] > step + 1
    return (left & (torch.tensor(chosen) != end)).nonzero().flatten()


def moved_by_loop(written, memory, rows):
    kept = torch.cat([written[n : n + 1] for n in rows.tolist()])
    if kept.size(0) == written.size(0):
        return [kept, memory]
    return [kept, torch.stack([memory[int(n)] for n in rows])]


def moved_by_select(written, memory, rows):
    some_left = rows.numel() < memory.size(0)
    found = memory.index_select(0, rows) if some_left else memory.view_as(memory)
    return written.index_select(0, rows), found


WAYS = [
    ("6.1", cut_by_places),
    ("6.1", cut_by_regex),
    ("6.2", loss_by_gather),
    ("6.2", lambda s, t, e, p: F.cross_entropy(s.mT, t, ignore_index=p, label_smoothing=e)),
    ("6.3", lambda n, top, w, end=None: top * min(n / w, left(n, w, end))),
    ("6.4", ["order", "zero", "mode", "padding", "sum"]),
    ("6.5", train_by_zip),
    ("6.5", train_with_everything_inside),
    ("7.A", hits_by_one_hot),
    ("7.A", hits_by_loop),
    ("7.B", word_map),
    ("7.B", words_by_lists),
    ("7.C", rate_by_sets),
    ("7.C", lambda found, true: ((found ^ true).sum() / (found.sum() + true.sum())).item()),
    ("7.D", without_question_by_mask),
    ("7.E", who_goes_on_by_comprehension),
    ("7.E", who_goes_on_by_tensors),
    ("7.F", moved_by_loop),
    ("7.F", moved_by_select),
    ("7.G", (15, 0)),
]


@pytest.mark.parametrize(("number", "answer"), WAYS, ids=[number for number, _ in WAYS])
def test_another_correct_way_is_accepted(number, answer):
    said = verdict(find(number), answer)
    assert said.startswith(f"● {number} correct."), said
