"""Which blocks there are to know by heart, in the path's order: one entry each.

A kata's name is its id for good. Its exercise's number stands here and nowhere else.
"""

from by_heart import versions
from by_heart.kata import Kata

ROOT = "torch.sqrt(variance + self.eps)"

KATAS = [
    Kata(
        "softmax",
        "1.3",
        "softmax(scores): turns each row, the last dimension of (..., n), into shares that sum "
        "to 1, however large the scores. Without torch.softmax.",
    ),
    Kata(
        "cross_entropy",
        "1.4",
        "loss_and_gradient(scores, target): the mean cross-entropy of scores (n, words) with the "
        "right words' numbers (n,), and its gradient, (p − y) / n. Without autograd and "
        "F.cross_entropy; scores like 200 and −200 are survived.",
    ),
    Kata(
        "padding_mask",
        "2.2",
        "padding_mask(ids, pad=0): ids (batch, length) → boolean (batch, 1, 1, length), True where "
        "a real token may be attended to.",
    ),
    Kata(
        "causal_mask",
        "2.3",
        "causal_mask(length): boolean (length, length), rows are queries: position i may look at "
        "0 … i and at nothing later.",
    ),
    Kata(
        "attention",
        "2.5",
        "attention(query, key, value, mask=None), with any sizes in front and a boolean mask, True "
        "= may attend: returns the output and the weights. A row that may look at nothing gives "
        "zeros; dropout may stay out.",
    ),
    Kata(
        "three_masks",
        "3.4",
        "three_masks(source, target), from the ids of both sides, (batch, S) and (batch, T): the "
        "masks of the encoder, of the decoder and of cross-attention, True = may attend. Given are "
        "padding_mask(ids) and causal_mask(length).",
    ),
    Kata(
        "MultiHeadAttention",
        "3.5",
        "The class MultiHeadAttention(d_model, num_heads) with the layers w_q, w_k, w_v and w_o, "
        "called as block(query, key, value, mask): (batch, length, d_model) each. attention is "
        "given, but you may do without.",
        versions.MultiHeadAttention,
        (
            ("attention(q, k, v, mask)", "attention(q, k, v, None if mask is None else ~mask)"),
            ("self.w_q(query))", "self.w_q(query)) * self.d_k**0.5"),
            ("self.w_q(query))", "self.w_q(query)) / self.num_heads**0.5"),
            ("self.w_v(value)", "self.w_v(key)"),
            ("self.w_o(heads", "(heads"),
            ("heads.transpose(1, 2).flatten(2)", "heads.reshape(query.shape)"),
            ("d_k)).transpose(1, 2)", "d_k)).reshape(len(x), self.num_heads, -1, self.d_k)"),
        ),
    ),
    Kata(
        "positional_encoding",
        "4.1",
        "positional_encoding(length, d_model): a row for each position from 0 on, sine in the even "
        "columns and cosine in the odd ones; the pairs slow down from 1 towards 1 / 10,000.",
    ),
    Kata(
        "FeedForward",
        "4.2",
        "The class FeedForward(d_model, d_ff) with the layers linear1 and linear2, called with x "
        "(batch, length, d_model): returns the same shape.",
    ),
    Kata(
        "LayerNorm",
        "4.3",
        "The class LayerNorm(d_model, eps=1e-5) with the parameters weight and bias, called with x "
        "(batch, length, d_model). Means and roots, no ready-made norm.",
        versions.LayerNorm,
        (
            (ROOT, "(torch.sqrt(variance) + self.eps)"),
            (ROOT, "(variance + self.eps)"),
            ("square().mean(dim=-1, keepdim=True)", "square().sum(-1, True) / (x.size(-1) - 1)"),
            ("dim=-1", "dim=1"),
        ),
    ),
    Kata(
        "EncoderLayer",
        "4.4",
        "The class EncoderLayer(d_model, num_heads, d_ff, norm_first=False) with self_attention, "
        "feed_forward, norm1 and norm2, called as layer(x, mask): both norm orders; dropout may "
        "stay out. Given are MultiHeadAttention, FeedForward and LayerNorm.",
    ),
    Kata(
        "DecoderLayer",
        "5.4",
        "The class DecoderLayer(d_model, num_heads, d_ff, norm_first=False) with self_attention, "
        "cross_attention, feed_forward, norm1, norm2 and norm3, called as layer(x, memory, mask, "
        "memory_mask): both norm orders; dropout may stay out.",
    ),
    Kata(
        "Transformer",
        "5.5",
        "The class Transformer(vocab_size, d_model, num_heads, d_ff, num_layers, norm_first=…) "
        "with embedding, encoder and decoder, called as model(source, target) with ids, 0 is "
        "padding: returns scores (batch, target length, vocab_size). One table does all three "
        "jobs. Given are Embedding(vocab_size, d_model), Encoder and Decoder(num_layers, d_model, "
        "num_heads, d_ff, norm_first=…), and both masks.",
    ),
    Kata(
        "loss",
        "6.2",
        "translation_loss(scores, target, smoothing, pad): the mean cross-entropy with label "
        "smoothing of scores (batch, length, vocab_size), over the places where target is not pad.",
    ),
    Kata(
        "schedule",
        "6.3",
        "learning_rate(step, peak, warmup, total=None), steps from 1: in a straight line up to "
        "peak at step warmup. Then down: with 1/√step, or with total in a straight line to 0 at "
        "step total, where it stays.",
    ),
    Kata(
        "train",
        "6.5",
        "train(model, batches, epochs, peak, warmup, evaluate): Adam with the paper's settings, "
        "the schedule to 0 over all steps, batches.set_epoch(epoch) from 1. Returns a list, a dict "
        'an epoch: "epoch", "training loss" (the mean over its batches), and what evaluate(model) '
        "returns. Given are translation_loss(scores, target) and learning_rate(step, peak, warmup, "
        "total); device and progress bar may stay out.",
        versions.train,
        (
            ("            adam.zero_grad()\n", ""),
            ("        model.train()\n", ""),
            ("batch.target_out)", "batch.target_out, pad=-100)"),
            ("evaluate(model.eval())", "evaluate(model)"),
            ("learning_rate(step,", "learning_rate(step - 1,"),
        ),
    ),
    Kata(
        "cached_step",
        "7.2",
        "cached_attention(attention, x, keys, values, mask=None), attention a MultiHeadAttention: "
        "the newest position x, (batch, 1, d_model), looks at all that is kept and at itself. "
        "Returns the output and the longer keys and values, (batch, heads, length, d_k).",
    ),
    Kata(
        "beam_search",
        "7.4",
        "write_beam(next_scores, start, end, limit, beam_size, alpha): next_scores(beginnings), "
        "lists of ids that begin with start, gives scores (beginnings, vocabulary). A candidate "
        "that ends counts as finished if it is among the best beam_size; its score is its "
        "log-probability over length_penalty(length, alpha), the end token included. Of those "
        "that do not end, the best beam_size go on, however many have ended. Returns the best "
        "one's ids without start and end; if nothing ends by limit, the likeliest beginning.",
    ),
]
