"""Towards the published score: other recipes for Multi30k, English to German, each by its letter.

    python -m benchmarks.recipes --only B                # hours on a CPU; resumed when broken off
    python -m benchmarks.recipes --only A B --seeds 0 1 2
    python -m benchmarks.recipes --only A --judge        # what its last checkpoint is worth by now

A  Wu et al.'s recipe on our text: cased, raw
B  the same on theirs: lowercased, split by Moses' tokenizer, 10,000 merges
C  train.py's short recipe on their text
D  A with the norm before
E  A with BPE-dropout
F  D on their text

Choices are made on the validation split; a run that has not ended counts for nothing. Writes
recipe-<letter>-<device>-<seed>.json into --results (runs/recipes).
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import datasets

import train
from command.options import whole
from command.results import write_json
from command.scores import add_wu, moses, scores
from transformer.decoding import beam_search
from transformer.trainer import Recipe, average_checkpoints
from transformer.training import device, load_model, translate
from utils.data import encode_pairs, load_corpus

RESULTS = Path("runs/recipes")
MERGES = 10_000 + 256 + 3  # tokens of so many merges: bytes and special tokens come first

# README-baseline.md of github.com/LividWo/Revisit-MMT; "multi30k" is theirs but for this
WU = {"norm": "after"}


@dataclass
class Plan:
    words: str
    text: str  # "raw", or "moses": lowercased and split
    recipe: str  # train.py's
    settings: dict = field(default_factory=dict)  # what differs from it


PLANS = {
    "A": Plan("Wu et al.'s recipe", "raw", "multi30k", WU),
    # 116 epochs are 8,000 updates; of this shorter text 121
    "B": Plan(
        "Wu et al.'s recipe", "moses", "multi30k", WU | {"vocab_size": MERGES, "epochs": 121}
    ),
    "C": Plan("short", "moses", "short", {"vocab_size": MERGES}),
    "D": Plan("Wu et al.'s, norm before", "raw", "multi30k"),
    "E": Plan("Wu et al.'s, BPE-dropout 0.1", "raw", "multi30k", WU | {"bpe_dropout": 0.1}),
    "F": Plan(
        "Wu et al.'s, norm before", "moses", "multi30k", {"vocab_size": MERGES, "epochs": 121}
    ),
}


def split_corpus(corpus: datasets.DatasetDict, folder: Path) -> Path:
    """Write the corpus lowercased and split by Moses' tokenizer, as a folder for train.py."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in corpus.items():
        sides = [moses(rows[language][:], language) for language in ("en", "de")]
        lines = ["en\tde", *("\t".join(pair) for pair in zip(*sides, strict=True))]
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")
    return folder


def judge_split(found: Sequence[str], references: Sequence[str]) -> dict:
    """Scores of translations that are lowercased and split, against the raw references: those that
    know no capitals."""
    from sacremoses import MosesDetokenizer

    joined = [MosesDetokenizer(lang="de").detokenize(text.split()) for text in found]
    lower = [text.lower() for text in references]
    judged = scores(joined, lower)
    kept = {"BLEU": None, "BLEU lowercased": judged["BLEU"], "chrF": None, "signatures": {}}
    kept["signatures"]["BLEU lowercased"] = judged["signatures"]["BLEU"] + ", of detokenised text"
    add_wu(kept, list(found), moses(references, "de"))
    return kept | lowercased(joined, references)


def lowercased(found: Sequence[str], references: Sequence[str]) -> dict:
    """chrF without capitals, which every recipe has."""
    lower = [[text.lower() for text in texts] for texts in (found, references)]
    return {"chrF lowercased": scores(*lower)["chrF"]}


def judge(out: Path, text: str, corpus: datasets.DatasetDict, recipe: Recipe) -> dict:
    """The scores of the last weights, and of the mean of the epochs that are kept."""
    search = partial(beam_search, beam_size=recipe.beam, alpha=recipe.alpha)
    last, tokenizer = load_model(out / "last", device())
    kept = sorted(folder for folder in (out / "epochs").iterdir() if folder.name.isdigit())
    models = {"last": last, "average": average_checkpoints(kept).to(device())}
    found: dict = {}
    for weights, model in models.items():
        found[weights] = {}
        for split in ("validation", "test"):
            source, references = corpus[split]["en"][:], corpus[split]["de"][:]
            source = moses(source, "en") if text == "moses" else source
            written = translate(model, tokenizer, source, search, train.BATCH[device()])
            if text == "moses":
                found[weights][split] = judge_split(written, references)
            else:
                found[weights][split] = scores(written, references)
                found[weights][split] |= lowercased(written, references)
    return found


def arguments_of(plan: Plan, seed: int, data: str, out: Path) -> list[str]:
    """What train.py is asked for."""
    asked = ["--data", data, "--recipe", plan.recipe, "--source", "en"]
    asked += ["--seed", str(seed), "--out", str(out)]
    for name, value in plan.settings.items():
        asked += ["--" + name.replace("_", "-"), str(value)]
    return asked


def run(letter: str, seed: int, runs: Path, judge_only: bool = False) -> dict:
    """Train what has not ended yet, and judge it."""
    plan, corpus = PLANS[letter], load_corpus("multi30k")
    if corpus["train"].info.dataset_name != "multi30k":
        raise FileNotFoundError("Multi30k could not be loaded: nothing was trained or judged")
    data, out = "multi30k", runs / f"{letter}-{device()}-{seed}"
    if plan.text == "moses":
        folder = runs / "multi30k-moses"
        written = (folder / f"{list(corpus)[-1]}.tsv").exists()
        data = str(folder if written else split_corpus(corpus, folder))
    asked = arguments_of(plan, seed, data, out)
    if not judge_only:
        begun = (out / "last").exists() or (out / "last.old").exists()
        train.main([*asked, "--resume"] if begun else asked)
    ended = (out / "results.json").exists()
    file = out / "results.json" if ended else out / "last" / "progress.json"
    found = json.loads(file.read_text("utf8"))
    recipe = train.parse(asked).recipe
    _, tokenizer = load_model(out / "last")
    pairs = encode_pairs(tokenizer, load_corpus(data)["train"])
    history = found["history"]
    return {
        "command": f"python -m benchmarks.recipes --only {letter} --seeds {seed}",
        "recipe": letter,
        "words": plan.words,
        "text": plan.text,
        "seed": seed,
        "ended": ended,
        "settings": asdict(recipe),
        "machine": found.get("machine", train.machine(None)),
        "updates": history[-1]["steps"] if history else 0,
        "epochs": len(history),
        "target tokens an epoch": sum(len(pair.target) for pair in pairs),
        "seconds": sum(row["seconds"] for row in history),
        "history": history,
        "scores": judge(out, plan.text, corpus, recipe),
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(PLANS), default=list(PLANS))
    parser.add_argument("--seeds", type=whole(0), nargs="+", default=[0])
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints go")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--judge", action="store_true", help="train nothing more")
    chosen = parser.parse_args(arguments)
    for seed in chosen.seeds:
        for letter in chosen.only:
            result = chosen.results / f"recipe-{letter}-{device()}-{seed}.json"
            if result.exists() and json.loads(result.read_text("utf8"))["ended"]:
                print(f"there already: {result}")
                continue
            write_json(run(letter, seed, chosen.runs, chosen.judge), result)
            print(f"written: {result}", flush=True)


if __name__ == "__main__":
    main()
