"""Small models with random weights, and sentences for them, on which searches are tried."""

import torch
from hypothesis import strategies as st

from transformer.decoder import Transformer

VOCABULARY, PAD, START, END = 11, 0, 1, 2
ids = st.lists(st.integers(3, VOCABULARY - 1), min_size=1, max_size=6)
batches = st.lists(ids, min_size=1, max_size=4)
seeds = st.integers(0, 10_000)


def model_of(seed: int, vocab_size: int = VOCABULARY, max_length: int = 256) -> Transformer:
    """Random weights, sharpened so that ends come early in some sentences and late in others;
    post-norm for even seeds, pre-norm for odd ones."""
    torch.manual_seed(seed)
    model = Transformer(vocab_size, 8, 2, 16, 2, norm_first=seed % 2 == 1, max_length=max_length)
    model.embedding.table.weight.data *= 3
    return model.double().eval()


def always(token: int, max_length: int = 256) -> Transformer:
    """A model that gives `token` nearly all probability, whatever it reads."""
    model = Transformer(VOCABULARY, 8, 2, 16, 1, max_length=max_length).eval()
    with torch.no_grad():
        model.decoder.layers[0].norm3.weight.zero_()
        model.decoder.layers[0].norm3.bias.fill_(1.0)
        model.embedding.table.weight.zero_()
        model.embedding.table.weight[END] = -5.0
        model.embedding.table.weight[token] = 5.0
    return model


def padded(rows: list[list[int]]) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])


def logprob(model: Transformer, source: torch.Tensor, tokens: list[int]) -> float:
    """log p(tokens | source) in one pass, all of them at once."""
    scores = model(source, torch.tensor([[START, *tokens[:-1]]]))  # (1, length, vocab_size)
    return scores.log_softmax(-1)[0].gather(1, torch.tensor(tokens)[:, None]).sum().item()
