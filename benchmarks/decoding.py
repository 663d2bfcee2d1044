"""Decoding: sentences a second, beside the path's plain functions and Hugging Face's `generate`.

    python train.py --data multi30k      # once: the model that is to write
    python -m benchmarks.decoding        # 1,000 test sentences, greedy and beam 5

Without that model, the one that the course brings translates the embedded corpus's test split.
All competitors have the same weights and get the same batches, in one run, taking turns; how many
of their translations equal the course's is part of the result. Writes decoding-<device>.json into
--out (runs/bench; benchmarks/README.md shows what lies in results).
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from command.options import number, whole
from transformer.decoder import Transformer, greedy_decode
from transformer.decoding import beam_search, greedy_search
from transformer.inference import beam_search as plain_beam_search
from transformer.inference import greedy_search as plain_greedy_search
from transformer.training import device, load_model, translate
from translate import need_tokenizer
from utils.data import CORPORA, DATA, END, PAD, START, load_corpus

from . import table
from .measure import OUT, circumstances, now, write
from .peers import HuggingFaceTransformer, PegasusModel

OURS, UNCACHED = "with the cache", "notebook 05's greedy_decode"
PLAIN = "the path's plain search"
HUGGING_FACE = "Hugging Face's generate"


def hugging_face(ours: Transformer, beam_size: int, alpha: float) -> Callable:
    """A search that translates with Pegasus, which has our weights, by the library's `generate`."""
    from transformers import PegasusForConditionalGeneration

    copy = HuggingFaceTransformer(ours)
    config = copy.model.config
    config.use_cache = True
    model = PegasusForConditionalGeneration(config)
    model.model = copy.model
    model.lm_head.weight = copy.model.shared.weight
    model.to(next(ours.parameters()).device).eval()

    beam = {"length_penalty": alpha, "early_stopping": True} if beam_size > 1 else {}

    @torch.no_grad()
    def search(_: Transformer, source: Tensor) -> list[list[int]]:
        rows = model.generate(
            source,
            attention_mask=source != PAD,
            num_beams=beam_size,
            do_sample=False,
            max_new_tokens=source.size(1) + 50,
            decoder_start_token_id=START,
            eos_token_id=END,
            pad_token_id=PAD,
            forced_eos_token_id=None,
            **beam,
        )[:, 1:].tolist()
        return [ids[: ids.index(END)] if END in ids else ids for ids in rows]

    return search


def searches(model: Transformer, beam_size: int, alpha: float) -> dict[str, dict[str, Callable]]:
    """Everything that is timed, by method and competitor; the first is the one compared with."""
    ours, plain = (
        partial(search, beam_size=beam_size, alpha=alpha)
        for search in (beam_search, plain_beam_search)
    )
    found = {
        "greedy": {OURS: greedy_search, UNCACHED: greedy_decode, PLAIN: plain_greedy_search},
        f"beam {beam_size}": {OURS: ours, PLAIN: plain},
    }
    if PegasusModel:
        for method, size in (("greedy", 1), (f"beam {beam_size}", beam_size)):
            found[method][HUGGING_FACE] = hugging_face(model, size, alpha)
    return found


def take_turns(
    competitors: dict[str, Callable],
    write_all: Callable,
    sentences: list[str],
    rounds: int,
    keep: Callable,
) -> None:
    """Sentences a second of each competitor in each round, and how many translations agree; after
    each round keep(what is found so far)."""
    speeds: dict[str, list[float]] = {name: [] for name in competitors}
    written = {}
    for _ in range(rounds):
        for name, search in competitors.items():
            write_all(sentences[:100], search)  # warms up
            began = now()
            written[name] = write_all(sentences, search)
            speeds[name].append(len(sentences) / (now() - began))
            print(f"{name}: {speeds[name][-1]:.1f} sentences/s", flush=True)
        found = {
            name: {
                "sentences per second": median(rates),
                "spread": [min(rates), max(rates)],
                "rounds": rates,
                "same as the first": sum(map(str.__eq__, written[name], written[OURS])),
            }
            for name, rates in speeds.items()
        }
        keep(found)


def main(arguments: list[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    trained = Path("runs/multi30k/last")
    data, model = ("multi30k", trained) if trained.exists() else ("embedded", DATA / "model")
    parser.add_argument("--data", choices=CORPORA, default=data)
    parser.add_argument("--model", type=Path, default=model)
    parser.add_argument("--sentences", type=whole(1), default=1000)
    parser.add_argument("--batch-size", type=whole(1), default=100)
    parser.add_argument("--beam", type=whole(1), default=5)
    parser.add_argument("--alpha", type=number(0), default=1.5, help="length penalty of the beam")
    parser.add_argument("--rounds", type=whole(1), default=3, help="times that all take their turn")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the result")
    chosen = parser.parse_args(arguments)
    model, tokenizer = load_model(chosen.model, device())
    need_tokenizer(tokenizer, chosen.model)
    corpus = load_corpus(chosen.data)
    sentences = corpus["test"]["en"][: chosen.sentences]
    write_all = partial(translate, model, tokenizer, batch_size=chosen.batch_size)
    result = circumstances("decoding", arguments, corpus["train"].info.dataset_name)
    result |= {"sizes": model.config, "sentences": len(sentences), "batch": chosen.batch_size}
    result |= {"precision": "no", "methods": {}}  # translating casts nothing
    for method, competitors in searches(model, chosen.beam, chosen.alpha).items():

        def keep(found: dict, method: str = method) -> None:
            result["methods"][method] = found
            write(result, chosen.out, "decoding")  # should it be broken off

        take_turns(competitors, write_all, sentences, chosen.rounds, keep)
    path = write(result, chosen.out, "decoding")
    print(table.decoding(path), f"written: {path}", sep="\n\n")
    return result


if __name__ == "__main__":
    main()
