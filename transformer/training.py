import json
import math
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from .decoder import Transformer, greedy_decode
from .heads import check_eval


def translation_loss(
    scores: Tensor, target: Tensor, smoothing: float = 0.1, pad: int = 0
) -> Tensor:
    """Mean cross-entropy in nats per real token, with label smoothing (section 5.4).

    scores: (batch, length, vocab_size) before the softmax; target: (batch, length) ids.
    Positions where the target is `pad` do not count.
    """
    return F.cross_entropy(
        scores.flatten(0, 1), target.flatten(), ignore_index=pad, label_smoothing=smoothing
    )


def learning_rate(step: int, peak: float, warmup: int, total: int | None = None) -> float:
    """Up in a straight line for `warmup` steps, then down with 1/√step: equation (3).

    Steps count from 1. The paper's formula is this one with peak = (d_model · warmup)^-0.5.
    With `total`, the way down is a straight line to 0 at step `total`: better for short trainings.
    """
    if step <= warmup:
        return peak * step / warmup
    if total is None:
        return peak * math.sqrt(warmup / step)
    return peak * max(0.0, (total - step) / (total - warmup))


def device() -> str:
    """ "cuda" where there is a GPU, else "cpu": the one place of the course that asks."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@torch.no_grad()
def mean_loss(model: Transformer, batches: Iterable) -> float:
    """Cross-entropy in nats a token, without smoothing or dropout; exp of it is the perplexity.

    batches: with source, target_in and target_out. Raises ValueError in training mode.
    """
    check_eval(model)
    where, pad = next(model.parameters()).device, model.config["pad"]
    total = tokens = 0.0
    for batch in batches:
        batch = batch.to(where)
        scores = model(batch.source, batch.target_in)  # (batch, length, vocab_size)
        real = (batch.target_out != pad).sum().item()
        total += translation_loss(scores, batch.target_out, smoothing=0.0, pad=pad).item() * real
        tokens += real
    return total / tokens


def train(model, batches, epochs, peak=4e-3, warmup=300, smoothing=0.1, evaluate=lambda model: {}):
    """Train `model` in place, on the device where it is; it is in eval mode at the end.

    batches: with a length and set_epoch(number); each has source, target_in and target_out.
    The rate climbs to `peak` in `warmup` steps (two fifths of a short training) and falls to 0.
    Returns one dict an epoch: epoch, training loss, and what evaluate(model) returned.
    Raises ValueError when the loss is no number.
    """
    where = next(model.parameters()).device
    adam = torch.optim.Adam(model.parameters(), betas=(0.9, 0.98), eps=1e-9, fused=True)
    step, total, history = 0, epochs * len(batches), []
    for epoch in range(1, epochs + 1):
        model.train()
        batches.set_epoch(epoch)  # another order
        losses = torch.zeros((), device=where)
        for batch in tqdm(batches, f"epoch {epoch}", unit="batch", mininterval=1):
            batch = batch.to(where)
            scores = model(batch.source, batch.target_in)  # (batch, length, vocab_size)
            loss = translation_loss(scores, batch.target_out, smoothing)
            loss.backward()
            step += 1
            rate = learning_rate(step, peak, min(warmup, total * 2 // 5), total)
            adam.param_groups[0]["lr"] = rate
            adam.step()
            adam.zero_grad()
            losses += loss.detach()
        row = {"epoch": epoch, "training loss": losses.item() / len(batches)}
        if not math.isfinite(row["training loss"]):
            raise ValueError("the loss is no number: try a lower peak or a longer warm-up")
        history.append(row | evaluate(model.eval()))
    return history


def translate(
    model: Transformer, tokenizer, sentences: list[str], search=greedy_decode, batch_size: int = 100
) -> list[str]:
    """Text in, text out. `search` turns (model, source ids) into a list of id lists.

    Raises ValueError for an empty sentence, and for one that is too long for the model.
    """
    where, config = next(model.parameters()).device, model.config
    for number, sentence in enumerate(sentences):
        if not sentence.strip():
            raise ValueError(f"sentence {number} is empty: there is nothing to translate")
    encoded = [torch.tensor([*tokenizer.encode(s).ids, config["end"]]) for s in sentences]
    order = sorted(range(len(sentences)), key=lambda i: len(encoded[i]))  # little padding
    translations = [""] * len(sentences)
    for first in range(0, len(order), batch_size):
        rows = order[first : first + batch_size]
        source = pad_sequence([encoded[i] for i in rows], True, config["pad"])  # (rows, longest)
        for i, ids in zip(rows, search(model, source.to(where)), strict=True):
            translations[i] = tokenizer.decode(ids).strip()
    return translations


FILES = {"config.json", "model.safetensors", "tokenizer.json"}


def check_ours(folder: Path, files: set[str] = FILES) -> None:
    """Raises FileExistsError where something else than a model of the course lies at `folder`."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    config = folder / "config.json"
    sizes = config.read_text(encoding="utf8", errors="replace") if config.is_file() else ""
    if folder.is_file() or not names <= files or (names and '"norm_first"' not in sizes):
        raise FileExistsError(
            f"{folder} is no model of the course, or holds something besides: nothing was written. "
            "Choose another folder"
        )


def save_model(folder: Path | str, model: nn.Module, tokenizer: Tokenizer | None = None) -> None:
    """Write a model's sizes, weights and tokenizer into `folder`, in the place of an older model.

    Raises FileExistsError, and writes nothing, where `folder` holds anything else.
    """
    folder = Path(folder)
    check_ours(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    sizes = json.dumps(model.config, indent=2, default=lambda number: number.item()) + "\n"
    (folder / "config.json").write_text(sizes, encoding="utf8")
    if tokenizer is not None:
        tokenizer.save(str(folder / "tokenizer.json"))
    weights = {name.replace("_orig_mod.", ""): w for name, w in model.state_dict().items()}
    save_file({name: w.contiguous() for name, w in weights.items()}, folder / "model.safetensors")


def load_model(folder: Path | str, device: str = "cpu") -> tuple[Transformer, Tokenizer | None]:
    """What save_model wrote: the model, in eval mode, and its tokenizer, None if there was none.

    Raises FileNotFoundError where no model is, ValueError where a file is damaged or another's.
    """
    folder, name = Path(folder), "config.json"
    if not (folder / name).exists() or not (folder / "model.safetensors").exists():
        raise FileNotFoundError(
            f"no model here: {folder} holds no {name} and model.safetensors. Train one first "
            "(notebook 06 or train.py), or give the folder that holds one"
        )
    try:
        sizes = json.loads((folder / name).read_text(encoding="utf8"))
        with torch.random.fork_rng(devices=[]):  # reading draws no random numbers
            model = Transformer(**sizes)
        name, tokenizer = "model.safetensors", None
        model.load_state_dict(load_file(folder / name))
        name = "tokenizer.json"
        if (folder / name).exists():
            tokenizer = Tokenizer.from_file(str(folder / name))
            if tokenizer.get_vocab_size() != model.config["vocab_size"]:
                raise ValueError("it has another number of tokens than the model")
            tokenizer.encode_special_tokens = True  # "<end>" typed by a reader is text
    except Exception as error:  # `tokenizers` raises the bare class
        raise ValueError(f"{folder / name} is damaged or not of this course: {error}") from error
    return model.to(device).eval(), tokenizer
