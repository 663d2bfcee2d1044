"""A training of seconds, run by test_survival.py as a process of its own.

    python tests/small_training.py FOLDER [--resume] [--die epoch|weights|between|end] [--dropout P]
        [--precision bf16]

prints the history as JSON on its last line. --die kills the process as `kill -9` does: after the
second checkpoint in mid-epoch, halfway through writing the third one's weights, between the third
one's two renames, or before the fourth, the first at the end of an epoch. (The very first, before
any step, is not counted.)
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from transformer import trainer  # noqa: E402
from transformer.decoder import Transformer  # noqa: E402
from transformer.trainer import Recipe  # noqa: E402
from transformer.training import mean_loss  # noqa: E402
from utils.data import END, Loader, Pair  # noqa: E402

AS_ONE = {"RANK": 0, "WORLD_SIZE": 1}  # where no launcher says otherwise


def copy_pairs(count: int, seed: int = 0) -> list[Pair]:
    """Sentences of three to six tokens, to be copied."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(count):
        length = int(torch.randint(3, 7, (), generator=generator))
        rows.append(torch.randint(3, 11, (length,), generator=generator).tolist() + [END])
    return [Pair(row, row) for row in rows]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_in(place: str) -> None:
    """Have the third checkpoint (in mid-epoch: the one after the second) end the process."""
    keep, save_model, rename = trainer.save_checkpoint, trainer.save_model, Path.rename
    saved = -1  # the checkpoint before the first step is number 0

    def counted_keep(*arguments) -> None:
        nonlocal saved
        saved += 1
        if (place, saved) in (("epoch", 3), ("end", 4)):
            die()
        keep(*arguments)

    def half_a_file(folder: Path, *parts) -> None:
        save_model(folder, *parts)
        if place == "weights" and saved == 3:
            path = folder / "model.safetensors"
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            die()

    def one_rename(path: Path, target: Path) -> Path:
        found = rename(path, target)
        if place == "between" and saved == 3 and target.name == "last.old":
            die()
        return found

    trainer.save_checkpoint, trainer.save_model, Path.rename = counted_keep, half_a_file, one_rename


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--die", choices=["epoch", "weights", "between", "end"])
    parser.add_argument("--precision", default="no")
    parser.add_argument("--dropout", type=float, default=0.1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    trainer.LOOK = 2
    if options.die:
        die_in(options.die)
    model = Transformer(11, 16, 2, 32, 1, options.dropout, norm_first=True)
    held_out = Loader(copy_pairs(50, seed=9), 200)
    rank, world = (int(os.environ.get(name, other)) for name, other in AS_ONE.items())
    history = trainer.fit(
        model,
        Loader(copy_pairs(101), 100, shuffle=True, seed=1, rank=rank, world=world),
        Recipe(epochs=3, peak=2e-3, warmup=5, average=2),
        lambda model: {"validation loss": mean_loss(model, held_out)},
        options.folder,
        options.resume,
        minutes=0,
        precision=options.precision,
    )
    if rank == 0:
        print(json.dumps(history))


if __name__ == "__main__":
    main()
