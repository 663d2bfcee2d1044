"""OPUS-MT models, which Hugging Face's library runs: the real ones, and small ones by chance."""

import random
from collections.abc import Callable
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn

EN_DE = "Helsinki-NLP/opus-mt-en-de"
PACKAGES = ["transformers", "sentencepiece", "sacremoses"]  # of a real model and its tokenizer


class Pieces:
    """A MarianTokenizer with the methods that the course calls; one for each side."""

    def __init__(self, tokenizer, side: str = "text") -> None:
        """side: "text", the language that is read, or "text_target", the one that is written."""
        self.tokenizer, self.side = tokenizer, side

    def encode(self, text: str) -> SimpleNamespace:
        """ids and tokens (the pieces, also those that have no id of their own), without the end."""
        ids = self.tokenizer(**{self.side: text}).input_ids[:-1]
        cut = self.tokenizer.spm_source if self.side == "text" else self.tokenizer.spm_target
        return SimpleNamespace(ids=ids, tokens=cut.encode(text, out_type=str))

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)


def need(*packages: str) -> None:
    """Raises ModuleNotFoundError, which says what to do, where one is missing."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise ModuleNotFoundError(
            f"this needs {' and '.join(missing)}: run  pip install {' '.join(missing)}  and "
            "restart (transformers as it is needed here runs on Python 3.11 and later)"
        )


def load_opus(name: str = EN_DE) -> tuple[Any, Pieces, Pieces]:
    """An OPUS-MT model of the hub, in eval mode and float32, and the pieces of its two sides.

    Raises ModuleNotFoundError where a package is missing, ConnectionError where the model is
    neither on this machine nor the hub within reach; each with one sentence that says what to do.
    """
    need(*PACKAGES)
    from transformers import MarianMTModel, MarianTokenizer

    try:
        model = MarianMTModel.from_pretrained(name).float().eval()
        tokenizer = MarianTokenizer.from_pretrained(name)
    except OSError as error:  # what the library raises for every way not to have a file
        raise ConnectionError(
            f"{name} is not on this machine, and the hub does not give it: is there a network, is "
            "the name right, is HF_HUB_OFFLINE set? Without it, leave REAL = False "
            "in lab 08, or give the benchmark --random"
        ) from error
    return model, Pieces(tokenizer), Pieces(tokenizer, "text_target")


@torch.no_grad()
def random_marian(
    vocab_size: int,
    d_model: int = 32,
    num_heads: int = 4,
    d_ff: int = 64,
    num_layers: int = 2,
    max_length: int = 128,
    seed: int = 0,
    **changes,
) -> Any:
    """A MarianMTModel in eval mode with every weight by chance, norms and biases too.

    Built as EN_DE is: padding is the last id and the start, the end is 0. changes: of its config.
    """
    need("transformers")
    from transformers import MarianConfig, MarianMTModel

    pad = vocab_size - 1
    config = {
        "vocab_size": vocab_size,
        "d_model": d_model,
        **{f"{side}_attention_heads": num_heads for side in ("encoder", "decoder")},
        **{f"{side}_ffn_dim": d_ff for side in ("encoder", "decoder")},
        **{f"{side}_layers": num_layers for side in ("encoder", "decoder")},
        "max_position_embeddings": max_length,
        "activation_function": "swish",
        "scale_embedding": True,
        "share_encoder_decoder_embeddings": True,
        **{"pad_token_id": pad, "decoder_start_token_id": pad, "eos_token_id": 0},
        **{"forced_eos_token_id": None, "bad_words_ids": None},
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MarianMTModel(MarianConfig(**config | changes)).eval()
        for name, weight in model.named_parameters():
            if weight.dim() == 1:
                nn.init.normal_(weight, std=1.0 if "norm.weight" in name else 0.05)
            elif "embed_positions" not in name:
                nn.init.xavier_normal_(weight, gain=0.7)
        for table in (model.model.encoder.embed_tokens, model.model.decoder.embed_tokens):
            nn.init.normal_(table.weight, std=2 * d_model**-0.5)
            table.weight[pad] = 0.0  # as in the real ones
        model.final_logits_bias.normal_(std=0.3)
        model.final_logits_bias[0, 0] += 1.5  # or few sentences would end
    model.generation_config.bad_words_ids = [[pad]]
    return model


def random_case(seed: int, dtype: torch.dtype) -> tuple[Any, Tensor, Tensor]:
    """A random model of random sizes, and ids for it: source and target, three rows each, which end
    in padding at different places. The same for the same seed."""
    pick, generator = random.Random(seed).randint, torch.Generator().manual_seed(seed)
    heads, vocab_size = pick(1, 4), pick(6, 60)
    model = random_marian(
        vocab_size=vocab_size,
        d_model=2 * heads * pick(2, 8),
        num_heads=heads,
        d_ff=pick(1, 48),
        num_layers=pick(1, 4),
        max_length=pick(12, 40),
        seed=seed,
    ).to(dtype)

    def ids() -> Tensor:
        length = pick(1, 9)
        found = torch.randint(0, vocab_size - 1, (3, length), generator=generator)
        ends = torch.tensor([[pick(1, length)] for _ in range(3)])
        return found.where(torch.arange(length) < ends, vocab_size - 1)

    return model, ids(), ids()


def library_search(model: Any, beam_size: int = 1, alpha: float = 1.0, extra: int = 50) -> Callable:
    """The library's `generate` as a search of the course: (any model, source ids) → ids.

    A translation has the course's limits, real tokens + extra. Padding is never written. alpha: the
    power of the length that a beam's sums are divided by.
    """
    pad, end = model.config.pad_token_id, model.config.eos_token_id
    beam = {"length_penalty": alpha, "early_stopping": True} if beam_size > 1 else {}

    @torch.no_grad()
    def search(_, source: Tensor) -> list[list[int]]:
        limits = (source != pad).sum(dim=1) + extra
        limits = limits.clamp(1, model.config.max_position_embeddings - 1).tolist()
        rows = model.generate(
            source,
            attention_mask=source != pad,
            num_beams=beam_size,
            do_sample=False,
            max_length=None,
            max_new_tokens=max(limits),
            forced_eos_token_id=None,
            bad_words_ids=[[pad]],
            **beam,
        )
        rows = [row[1:][:n] for row, n in zip(rows.tolist(), limits, strict=True)]
        return [ids[: ids.index(end)] if end in ids else ids for ids in rows]

    return search


def random_pieces(texts: list[str], vocab_size: int = 400) -> Tokenizer:
    """A tokenizer that cuts like OPUS-MT's: "▁" begins a word, 0 is the end, padding is last."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 1, special_tokens=["</s>", "<unk>"], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(["<pad>"])
    return tokenizer
