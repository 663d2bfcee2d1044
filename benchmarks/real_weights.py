"""A production model's weights in the course's Transformer: how equal the two are.

    python -m benchmarks.real_weights                # opus-mt-en-de, from the hub: 300 MB
    python -m benchmarks.real_weights --model FOLDER # another OPUS-MT model, or one saved before
    python -m benchmarks.real_weights --random       # a small one by chance, without a network
    python -m benchmarks.real_weights --parity 200   # so many random ones, of all sizes

The first three hold the course's model against MarianMTModel: scores, greedy translations, the
alignment error of each head of cross-attention on the embedded corpus, and Multi30k's test split by
the course's beam search and by `generate`. They write real-weights-<device>.json into --out
(runs/bench); the last writes marian-parity.json. A real model needs sentencepiece and sacremoses.
"""

import argparse
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from command.options import number, whole
from command.results import write_json
from command.scores import in_words, scores
from transformer.alignment import alignment_error_rate, strongest, true_links, word_map
from transformer.decoder import Transformer
from transformer.decoding import beam_search, greedy_search
from transformer.heads import record_attention
from transformer.marian import from_marian, word_of_pieces
from transformer.training import device, translate
from utils.data import load_corpus, split_words
from utils.opus import (
    EN_DE,
    library_search,
    load_opus,
    random_case,
    random_marian,
    random_pieces,
)

from .measure import OUT, circumstances, now, write

RESULT = Path(__file__).parent / "results" / "marian-parity.json"


@torch.no_grad()
def both_scores(theirs, ours: Transformer, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Theirs and ours, (real target tokens and starts, vocab_size but padding). target: padded ids
    without the start."""
    pad, first = theirs.config.pad_token_id, target[:, :1]
    kept = torch.tensor([token for token in range(theirs.config.vocab_size) if token != pad])
    kept = kept.to(source.device)
    begun = torch.full_like(first, theirs.config.decoder_start_token_id)
    fed = torch.cat([begun, target], dim=1)
    right = theirs(input_ids=source, attention_mask=source != pad, decoder_input_ids=fed).logits
    fed = torch.cat([torch.full_like(first, ours.config["start"]), target], dim=1)
    real = fed != pad
    return right[real][:, kept], ours(source, fed)[real][:, kept]


def difference(seed: int, dtype: torch.dtype) -> float:
    """The largest of the scores, of the model and the ids that this seed draws."""
    model, source, target = random_case(seed, dtype)
    right, mine = both_scores(model, from_marian(model), source, target)
    return (right - mine).abs().max().item()


def alike(seed: int, dtype: torch.dtype) -> tuple[int, int]:
    """How many greedy translations are the library's, and how many there are."""
    model, source, _ = random_case(seed, dtype)
    right = library_search(model, extra=6)(None, source)
    mine = greedy_search(from_marian(model), source, extra=6)
    return sum(map(list.__eq__, mine, right)), len(right)


def parity(count: int) -> dict:
    """Over `count` random models, in both precisions."""
    found: dict = {"configurations": count}
    for dtype in (torch.float32, torch.float64):
        largest = max(difference(seed, dtype) for seed in range(count))
        same, all_of_them = map(sum, zip(*(alike(s, dtype) for s in range(count)), strict=True))
        found[str(dtype).removeprefix("torch.")] = {
            "largest difference of the scores": largest,
            "greedy translations": all_of_them,
            "equal to generate's": same,
        }
        print(f"{dtype}: {count} models, largest difference {largest:.1e}, {same} of", end=" ")
        print(f"{all_of_them} greedy translations equal")
    return found


@torch.no_grad()
def compare_scores(theirs, ours: Transformer, english, german, rows: list[dict]) -> dict:
    """On sentence pairs, one after the other."""
    gaps, end = [], ours.config["end"]
    for row in rows:
        source = torch.tensor([[*english.encode(row["en"]).ids, end]], device=device())
        target = torch.tensor([german.encode(row["de"]).ids], device=device())
        right, mine = both_scores(theirs, ours, source, target)
        gaps.append((right - mine).abs().max().item())
    return {"sentence pairs": len(rows), "largest difference": max(gaps)}


@torch.no_grad()
def error_rates(ours: Transformer, english, german, rows: list[dict]) -> list[list[float]]:
    """The alignment error rate of each head of cross-attention: one list a layer."""
    found, true, end = [], [], ours.config["end"]
    for row in rows:
        read, written = english.encode(row["en"]), german.encode(row["de"])
        source = torch.tensor([[*read.ids, end]], device=device())
        target = torch.tensor([[ours.config["start"], *written.ids]], device=device())
        with record_attention(ours) as maps:
            ours(source, target)
        weights = [maps[name][0].cpu() for name in maps if name.endswith("cross_attention")]
        sides = ((written.tokens, row["de"]), (read.tokens, row["en"]))
        words = [word_of_pieces(pieces, split_words(text)) + [-1] for pieces, text in sides]
        found.append(strongest(word_map(torch.stack(weights), *words)))
        true.append(true_links(row["alignment"], *words))
    return alignment_error_rate(found, true).tolist()


def write_all(ours: Transformer, english, rows: dict, search, batch_size: int) -> tuple[list, dict]:
    """The translations, and their scores and seconds."""
    began = now()
    found = translate(ours, english, rows["en"], search, batch_size)
    seconds = now() - began
    return found, scores(found, rows["de"]) | {"seconds": seconds}


def hold(chosen: argparse.Namespace, arguments: list[str] | None) -> dict:
    """One model held against the library's, in all that the course can do with it."""
    embedded = load_corpus("embedded")
    if chosen.random:
        text = embedded["validation"]
        english = german = random_pieces([*text["en"], *text["de"]], 400)
        theirs = random_marian(400)
    else:
        theirs, english, german = load_opus(chosen.model)
    theirs = theirs.to(device())
    ours = from_marian(theirs)
    corpus = embedded if chosen.random else load_corpus("multi30k")
    rows = corpus["test"][: chosen.sentences]
    pairs = list(embedded["test"].select(range(chosen.aligned)))
    result = circumstances("real_weights", arguments, corpus["test"].info.dataset_name)
    result |= {"model": "random" if chosen.random else chosen.model, "sizes": ours.config}
    result["scores"] = compare_scores(theirs, ours, english, german, pairs)
    print(f"scores: {result['scores']}", flush=True)
    result["alignment error"] = error_rates(ours, english, german, pairs)
    print(f"alignment error, best head: {min(map(min, result['alignment error'])):.1%}", flush=True)
    beam = partial(beam_search, beam_size=chosen.beam, alpha=chosen.alpha)
    searches = {
        "greedy": (greedy_search, library_search(theirs)),
        f"beam {chosen.beam}": (beam, library_search(theirs, chosen.beam, chosen.alpha)),
    }
    result |= {"sentences": len(rows["en"]), "alpha": chosen.alpha, "translations": {}}
    for method, pair in searches.items():
        run = partial(write_all, ours, english, rows, batch_size=chosen.batch_size)
        (mine, judged), (right, judged_right) = map(lambda search: run(search=search), pair)
        same = sum(map(str.__eq__, mine, right))
        result["translations"][method] = {
            "the course's search": judged,
            "generate": judged_right,
            "the same": same,
        }
        print(f"{method}, the course's: {in_words(judged)}", flush=True)
        print(f"{method}, generate's: {in_words(judged_right)}; {same} are the same", flush=True)
    return result


def main(arguments: list[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=EN_DE, help="a name on the hub, or a folder")
    parser.add_argument("--random", action="store_true", help="a small random model instead")
    parser.add_argument("--parity", type=whole(1), help="only this: so many random models")
    parser.add_argument("--sentences", type=whole(1), default=1000, help="of the test split")
    parser.add_argument("--aligned", type=whole(1), default=200, help="of the embedded test split")
    parser.add_argument("--beam", type=whole(2), default=5)
    parser.add_argument("--alpha", type=number(0), default=1.0, help="length penalty of the beam")
    parser.add_argument("--batch-size", type=whole(1), default=50)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the result")
    chosen = parser.parse_args(arguments)
    if chosen.parity:
        result = parity(chosen.parity)
        write_json(result, chosen.out / RESULT.name)
        return result
    result = hold(chosen, arguments)
    print("written:", write(result, chosen.out, "real-weights"))
    return result


if __name__ == "__main__":
    main()
