"""Blocks as one writes them by heart, where the one in transformer/ holds more, or hides it.

Each stands for its namesake on the ladder, and the exercise's check judges both alike.
"""

import torch
from torch import Tensor, nn

from transformer.attention import attention
from transformer.training import learning_rate, translation_loss


class MultiHeadAttention(nn.Module):
    """Concat(head_1 … head_h) W^O, head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V)."""

    def __init__(self, d_model: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads, self.d_k = num_heads, d_model // num_heads
        self.w_q = nn.Linear(d_model, d_model)
        self.w_k = nn.Linear(d_model, d_model)
        self.w_v = nn.Linear(d_model, d_model)
        self.w_o = nn.Linear(d_model, d_model)

    def split(self, x: Tensor) -> Tensor:
        """(batch, length, d_model) → (batch, heads, length, d_k)"""
        return x.unflatten(-1, (self.num_heads, self.d_k)).transpose(1, 2)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask=None) -> Tensor:
        """query: (batch, queries, d_model); key, value: (batch, keys, d_model); mask: boolean, fits
        (batch, heads, queries, keys), True = may attend → query's shape."""
        q = self.split(self.w_q(query))  # (batch, heads, queries, d_k)
        k = self.split(self.w_k(key))  # (batch, heads, keys, d_k)
        v = self.split(self.w_v(value))
        heads, _ = attention(q, k, v, mask)
        return self.w_o(heads.transpose(1, 2).flatten(2))  # (batch, queries, d_model)


class LayerNorm(nn.Module):
    """(x − mean) / √(variance + eps) · weight + bias over the last axis: (…, d_model) → the same
    shape. The variance is divided by d_model, and eps stands inside the root."""

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        deviation = x - x.mean(dim=-1, keepdim=True)  # (…, d_model)
        variance = deviation.square().mean(dim=-1, keepdim=True)  # (…, 1)
        return deviation / torch.sqrt(variance + self.eps) * self.weight + self.bias


def train(model, batches, epochs, peak, warmup, evaluate):
    """Train `model` in place; it is in eval mode at the end.

    batches: with a length and set_epoch(number); each has source, target_in and target_out.
    The rate climbs to `peak` in `warmup` steps and falls to 0. Returns one dict an epoch: epoch,
    training loss, and what evaluate(model) returned.
    """
    adam = torch.optim.Adam(model.parameters(), betas=(0.9, 0.98), eps=1e-9)
    step, total, history = 0, epochs * len(batches), []
    for epoch in range(1, epochs + 1):
        model.train()
        batches.set_epoch(epoch)  # another order
        losses = 0.0
        for batch in batches:
            scores = model(batch.source, batch.target_in)  # (batch, length, vocab_size)
            loss = translation_loss(scores, batch.target_out)
            loss.backward()
            step += 1
            rate = learning_rate(step, peak, warmup, total)
            adam.param_groups[0]["lr"] = rate
            adam.step()
            adam.zero_grad()
            losses += loss.item()
        row = {"epoch": epoch, "training loss": losses / len(batches)}
        history.append(row | evaluate(model.eval()))
    return history
