import json
import math
import shutil
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import broadcast_object_list
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from .decoder import Transformer
from .training import FILES, check_ours, device, learning_rate, load_model, save_model


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training makes of its pairs. The values are Multi30k's."""

    vocab_size: int = 8000  # tokens at most
    d_model: int = 128
    num_heads: int = 4
    d_ff: int = 256
    num_layers: int = 4
    dropout: float = 0.3
    max_length: int = 256  # tokens of a sentence at most
    max_tokens: int = 2048  # of a batch's side
    epochs: int = 35
    peak: float = 4e-3  # of the learning rate
    warmup: int = 1000  # steps
    decay: str = "linear"  # of the learning rate, to 0; or "sqrt", with 1/√step
    smoothing: float = 0.1
    average: int = 8  # how many of the last epochs' weights are kept, to be averaged
    seed: int = 0

    def model(self, vocab_size: int) -> Transformer:
        """A new model of these sizes. vocab_size: what the tokenizer has found, perhaps less."""
        names = ("d_model", "num_heads", "d_ff", "num_layers", "dropout", "max_length")
        sizes = {name: getattr(self, name) for name in names}
        return Transformer(vocab_size, norm_first=True, **sizes)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of step 1, 2, … of `steps`. A warm-up takes at most two fifths of a
        training to 0."""
        if self.decay == "sqrt":
            return learning_rate(step, self.peak, max(self.warmup, 1))
        return learning_rate(step, self.peak, min(self.warmup, steps * 2 // 5), steps)


RECIPES = {
    "multi30k": Recipe(),
    "embedded": Recipe(1500, 128, 8, 256, 2, 0.0, max_tokens=512, epochs=7, warmup=300, average=1),
}


def fast_precision() -> str:
    """The kind of number that is fast here: "bf16", "fp16" (older GPUs) or "no", float32."""
    if device() == "cuda":
        return "bf16" if torch.cuda.get_device_capability() >= (8, 0) else "fp16"
    cpu = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return "bf16" if "avx512_bf16" in cpu or "amx_bf16" in cpu else "no"


class TrainingLoss(nn.Module):
    """A model and its loss in one module: batch → the number whose gradient a device contributes.

    The smoothed cross-entropies of its real tokens, summed, over the tokens of the whole step.
    `block` positions at a time meet the vocabulary, so that their scores stay in fast memory.
    """

    def __init__(self, model: Transformer, smoothing: float, block: int) -> None:
        super().__init__()
        self.model, self.block = model, block
        self.score = nn.CrossEntropyLoss(
            ignore_index=model.config["pad"], label_smoothing=smoothing, reduction="sum"
        )

    def forward(self, batch) -> Tensor:
        model, table = self.model, self.model.embedding.table.weight  # (vocab_size, d_model)
        x = model.hidden(batch.target_in, model.encode(batch.source), batch.source)
        rows = x.flatten(0, 1).split(self.block)  # each (up to block, d_model)
        targets = batch.target_out.flatten().split(self.block)  # each (up to block)
        losses = [self.score(x @ table.T, ids) for x, ids in zip(rows, targets, strict=True)]
        return sum(losses) / batch.step_tokens


class ByteDropout(nn.Dropout):
    """nn.Dropout with one random byte a number instead of one random float: on a CPU, drawing
    floats takes longer than the rest of the layer. p is rounded to the nearest 256th."""

    def forward(self, x: Tensor) -> Tensor:
        kept = round(256 * (1 - self.p))  # of the 256 values of a byte
        if not self.training or kept == 256:
            return x
        words = torch.randint(-(2**63), 2**63 - 1, (x.numel() // 8 + 1,))  # eight bytes each
        random = words.view(torch.uint8)[: x.numel()].view(x.shape)  # 0 … 255
        scale = torch.tensor(256 / kept, dtype=x.dtype)
        return x * ((random < kept) * scale)


@dataclass
class Training:
    """What a training is made of, and how far it has come."""

    model: Transformer
    loader: Iterable
    recipe: Recipe
    tokenizer: Tokenizer | None
    about: dict[str, str]
    accelerator: Accelerator
    objective: nn.Module  # this and the next two as accelerate has wrapped them
    optimizer: Optimizer
    schedule: LambdaLR
    epoch: int = 1  # the epoch we are in,
    steps: int = 0  # how many of its steps are done,
    loss: float = 0.0  # the sum of their losses,
    seconds: float = 0.0  # and the time they took
    history: list[dict] = field(default_factory=list)  # one dict a finished epoch
    pending: Tensor = 0.0  # the losses of the steps since the last look, on the device
    saved: float = 0.0  # when its checkpoint was written last, on time.monotonic's clock
    whole: bool = True  # False in mid-step, when weights and counts do not belong together


def set_up(model, loader, recipe, precision=None, tokenizer=None, about=None) -> Training:
    """Bring model and optimiser to the device, ready for the first step: see fit."""
    accelerator = Accelerator(
        cpu=device() == "cpu",
        mixed_precision=precision or fast_precision(),
        dataloader_config=DataLoaderConfiguration(split_batches=True),
    )
    if (world := getattr(loader, "world", 1)) != accelerator.num_processes:
        raise ValueError(
            f"{accelerator.num_processes} processes train, but each one's loader cuts batches for "
            f"{world}: make it with rank=PartialState().process_index and world=…num_processes"
        )
    block = 256 if device() == "cpu" else 4096
    objective = TrainingLoss(model, recipe.smoothing, block).to(accelerator.device)
    optimizer = AdamW(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9, fused=True)
    steps = recipe.epochs * len(loader)
    schedule = LambdaLR(optimizer, lambda done: recipe.rate(done + 1, steps))
    # save_model has written the weights already, by the model's own names, and resume reads them
    accelerator.register_save_state_pre_hook(lambda models, weights, folder: weights.clear())
    accelerator.register_load_state_pre_hook(lambda models, folder: models.clear())
    parts = accelerator.prepare(objective, optimizer, schedule)
    t = Training(model, loader, recipe, tokenizer, about or {}, accelerator, *parts)
    t.pending = torch.zeros((), device=accelerator.device)
    return t


@contextmanager
def tricks(training: Training):
    """What makes a CPU faster, for a while: its dropout from random bytes, and with bf16 attention
    in plain products, because the fused kernel is slow there."""
    cpu = training.accelerator.device.type == "cpu"
    layers = [m for m in training.model.modules() if type(m) is nn.Dropout and cpu]
    plain = cpu and training.accelerator.mixed_precision == "bf16"
    for layer in layers:
        layer.__class__ = ByteDropout
    try:
        with sdpa_kernel(SDPBackend.MATH) if plain else nullcontext():
            yield
    finally:
        for layer in layers:
            layer.__class__ = nn.Dropout


def step(training: Training, batch) -> None:
    """One step: predict, compare, gradient, step; the loss goes to training.pending."""
    t, devices = training, training.accelerator.num_processes
    loss = t.objective(batch.to(t.accelerator.device, non_blocking=True))
    t.accelerator.backward(loss * devices)  # devices average gradients; we want their sum
    t.whole = False
    t.optimizer.step()
    t.schedule.step()
    t.optimizer.zero_grad()
    t.steps, t.pending = t.steps + 1, t.pending + loss.detach()
    t.whole = True


LOOK = 20  # steps between two looks at the loss and at the clock


def train_epoch(training: Training, save: Callable[[], None]) -> None:
    """The rest of the epoch that `training` is in. Every LOOK steps it calls `save`.

    Raises ValueError when the loss is no longer a number.
    """
    t, accelerator, length = training, training.accelerator, len(training.loader)
    t.objective.train()
    t.loader.set_epoch(t.epoch, skip=t.steps)
    quiet = not accelerator.is_main_process
    bar = tqdm(t.loader, f"epoch {t.epoch}", length, initial=t.steps, disable=quiet)
    began = time.perf_counter()
    for batch in bar:
        number = (t.epoch - 1) * length + t.steps  # of this step in the whole training
        number = number * accelerator.num_processes + accelerator.process_index
        torch.manual_seed((t.recipe.seed * 10**9 + number) % 2**63)  # dropout's random numbers
        step(t, batch)
        if t.steps % LOOK == 0 or t.steps == length:
            t.loss += accelerator.reduce(t.pending, "sum").item()  # the CPU waits for the GPU
            t.pending = torch.zeros((), device=accelerator.device)
            if not math.isfinite(t.loss):
                raise ValueError("the loss is no number: try a lower peak or a longer warm-up")
            bar.set_postfix(loss=f"{t.loss / t.steps:.3f}")
            t.seconds += time.perf_counter() - began
            save()
            began = time.perf_counter()


STATE = {"optimizer.bin", "scheduler.bin", "scaler.pt", "random_states_0.pkl", "progress.json"}
PROGRESS = ("epoch", "steps", "loss", "seconds", "history", "about")


def check_free(place: Path) -> None:
    """Raises FileExistsError where something else than a checkpoint of the course is at `place`."""
    names = {path.name for path in place.iterdir()} if place.is_dir() else set()
    if "progress.json" not in names or not names <= FILES | STATE:
        check_ours(place, FILES | STATE)


def remove(place: Path) -> None:
    """Remove a checkpoint, whole or half written. Raises FileExistsError as check_free does."""
    check_free(place)
    if place.exists():
        for name in FILES | STATE:
            (place / name).unlink(missing_ok=True)
        place.rmdir()


def replace(folder: Path, write: Callable[[Path], None], keep_old: bool = False) -> None:
    """Have `write` fill a new folder aside, and rename it to `folder`: whatever happens on the way,
    `folder` or `folder.old` is whole. With keep_old the old one stays, should this one be damaged.
    """
    new, old = (folder.with_name(folder.name + ending) for ending in (".new", ".old"))
    for place in (folder, new, old):
        check_free(place)
    remove(new)
    try:
        write(new)
    except (OSError, RuntimeError, SafetensorError) as error:
        free = shutil.disk_usage(folder.parent).free / 1e6
        raise OSError(
            f"{new} could not be written ({free:,.0f} MB are free there), {folder} is as it was: "
            f"{error}"
        ) from error
    if folder.exists():
        remove(old)
        folder.rename(old)
    new.rename(folder)
    if not keep_old:
        remove(old)


def plain(value) -> list | float | str:
    """For JSON: the numbers of a tensor or an array; the text of anything else."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def keep(training: Training, folder: Path) -> None:
    """Write the checkpoint `last` into `folder`, all that going on needs; read it back first."""
    t = training

    def write(new: Path) -> None:
        save_model(new, t.model, t.tokenizer)
        t.accelerator.save_state(new)  # optimiser, schedule, and with fp16 the loss scale
        progress = {name: getattr(t, name) for name in PROGRESS}
        progress |= {"recipe": asdict(t.recipe), "steps an epoch": len(t.loader)}
        text = json.dumps(progress, indent=1, default=plain) + "\n"
        (new / "progress.json").write_text(text, encoding="utf8")
        read_checkpoint(new)

    replace(folder / "last", write, keep_old=True)
    t.saved = time.monotonic()


def read_checkpoint(folder: Path) -> tuple[Transformer, Tokenizer | None, dict]:
    """A checkpoint's model, tokenizer and progress. Raises FileNotFoundError where it is none,
    ValueError where one of its files is damaged."""
    model, tokenizer = load_model(folder)
    name = "progress.json"
    try:
        progress = json.loads((folder / name).read_text(encoding="utf8"))
        progress = {key: progress[key] for key in (*PROGRESS, "recipe", "steps an epoch")}
        for name in ("optimizer.bin", "scheduler.bin"):
            torch.load(folder / name, weights_only=True)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{folder} holds a model, but no {name}: no training can go on from it"
        ) from error
    except Exception as error:  # whatever the damage raises
        raise ValueError(f"{folder / name} is damaged or not of this course: {error}") from error
    return model, tokenizer, progress


def whole_checkpoint(folder: Path | str, read: Callable = load_model) -> Path:
    """`folder`, or the one before it, `folder.old`, with a warning, where `read` cannot read it."""
    folder = Path(folder)
    old = folder.with_name(folder.name + ".old")
    try:
        read(folder)
    except (FileNotFoundError, ValueError) as error:
        if not old.exists():
            raise
        read(old)
        warnings.warn(f"{error}. The checkpoint before it, {old}, takes its place", stacklevel=3)
        return old
    return folder


def go_on(training: Training, folder: Path) -> None:
    """Put everything back to where `keep` saved it. Raises ValueError, and changes nothing, where
    the checkpoint is of another run."""
    t, place = training, whole_checkpoint(folder / "last", read_checkpoint)
    saved, tokenizer, progress = read_checkpoint(place)
    there = progress["recipe"] | progress["about"] | saved.config
    here = asdict(t.recipe) | t.about | t.model.config | {"steps an epoch": len(t.loader)}
    there["steps an epoch"] = progress["steps an epoch"]
    free = {"average"} | ({"epochs"} if t.recipe.decay == "sqrt" else set())
    other = [
        f"{name} is {there.get(name)} there and {here.get(name)} here"
        for name in here | there
        if there.get(name) != here.get(name) and name not in free
    ]
    if (tokenizer and tokenizer.to_str()) != (t.tokenizer and t.tokenizer.to_str()):
        other.append("its tokenizer is another")
    if other:
        raise ValueError(f"the checkpoint in {folder} is of another run: {', '.join(other)}")
    weights = saved.state_dict()
    for name, weight in t.model.state_dict().items():
        weight.copy_(weights[name.replace("_orig_mod.", "")])
    t.accelerator.load_state(place)
    for name in PROGRESS:
        setattr(t, name, progress[name])
    t.model.eval()  # until the next epoch, if there is one


def end_epoch(training: Training, evaluate: Callable, folder: Path | None) -> None:
    """Judge the model on the main process, tell the others, write the epoch down, and save."""
    t, length = training, len(training.loader)
    row = {"epoch": t.epoch, "steps": t.epoch * length, "training loss": t.loss / length}
    row["seconds"] = t.seconds
    t.model.eval()
    if t.accelerator.is_main_process:
        row |= json.loads(json.dumps(evaluate(t.model), default=plain))
    [row] = broadcast_object_list([row])
    t.whole = False
    t.history.append(row)
    t.epoch, t.steps, t.loss, t.seconds = t.epoch + 1, 0, 0.0, 0.0
    t.whole = True
    if folder is None:
        return

    def write(new: Path) -> None:
        save_model(new, t.model, t.tokenizer)

    losses = [row.get("validation loss", math.inf) for row in t.history]
    if losses[-1] <= min(losses):
        replace(folder / "best", write)
    if t.recipe.average > 1:
        number = row["epoch"]
        (folder / "epochs").mkdir(exist_ok=True)
        replace(folder / "epochs" / f"{number:03}", write)
        remove(folder / "epochs" / f"{number - t.recipe.average:03}")
    keep(t, folder)  # comes last: whoever is broken off before it ends this epoch once more


RUN = ("last", "last.old", "best", "best.old", "best.new", "epochs")


@contextmanager
def claim(folder: Path):
    """Hold `folder` for one training. Raises FileExistsError when another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.resolve() / ".lock", timeout=0, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise FileExistsError(f"another training is writing into {folder} right now") from None
    try:
        yield
    finally:
        lock.release()


def fit(
    model: Transformer,
    loader: Iterable,
    recipe: Recipe,
    evaluate: Callable[[Transformer], dict] = lambda model: {},
    folder: Path | str | None = None,
    resume: bool = False,
    minutes: float = 10,
    precision: str | None = None,
    tokenizer: Tokenizer | None = None,
    about: dict[str, str] | None = None,
) -> list[dict]:
    """Train `model` in place; return one dict an epoch: epoch, steps, training loss, seconds of
    training, and what `evaluate(model)` returned. The model is in eval mode at the end.

    loader: one like utils.data.Loader. precision: "no", "fp16", "bf16", or None for what is fast.
    folder: for checkpoints, with the tokenizer: `last`, at the start, after each epoch, every
    `minutes` and when one interrupts; `best` by validation loss; `epochs` with the last ones of
    recipe.average. resume goes on from `last`, to the losses of a training never broken off, or
    begins where nothing is saved yet. about: more that a resumed training must agree with.

    Raises FileExistsError for a used folder without resume, ValueError for another run's folder.
    """
    t = set_up(model, loader, recipe, precision, tokenizer, about)
    folder = None if folder is None else Path(folder)
    main = t.accelerator.is_main_process
    there = folder is not None and any((folder / name).exists() for name in ("last", "last.old"))
    [there] = broadcast_object_list([there])
    if resume and folder is None:
        raise ValueError("resume needs the folder in which the checkpoint lies")
    writes = folder is not None and main

    def save() -> None:
        if writes and time.monotonic() - t.saved >= 60 * minutes:
            keep(t, folder)

    with claim(folder) if writes else nullcontext(), tricks(t):
        if resume and there:
            go_on(t, folder)
        elif writes:
            if resume:
                print(f"nothing is saved in {folder} yet: beginning anew", flush=True)
            if used := [name for name in RUN if (folder / name).exists()]:
                raise FileExistsError(
                    f"{folder} holds {used[0]} already: resume=True goes on with that training, "
                    "another folder begins a new one"
                )
            keep(t, folder)
        t.accelerator.wait_for_everyone()
        try:
            while t.epoch <= recipe.epochs:
                train_epoch(t, save)
                end_epoch(t, evaluate, folder if writes else None)
        except KeyboardInterrupt:
            if writes and t.whole and t.accelerator.num_processes == 1:
                t.loss, t.pending = t.loss + t.pending.item(), torch.zeros_like(t.pending)
                keep(t, folder)
                print(f"interrupted, and saved in {folder}: resume=True goes on", flush=True)
            raise
    return t.history


def average_checkpoints(folders: Sequence[Path]) -> Transformer:
    """One model whose weights are the means of several checkpoints' weights (section 6.1).

    Raises ValueError without a folder and for models of two trainings, else as load_model.
    """
    if not folders:
        raise ValueError("there are no checkpoints to average")
    models, tokenizers = zip(*(load_model(folder) for folder in folders), strict=True)
    kinds = [(model.config, t and t.to_str()) for model, t in zip(models, tokenizers, strict=True)]
    if any(kind != kinds[0] for kind in kinds):
        raise ValueError("these checkpoints' sizes or tokenizers differ: they have no mean")
    weights = [model.state_dict() for model in models]
    mean = {name: torch.stack([w[name] for w in weights]).mean(dim=0) for name in weights[0]}
    models[0].load_state_dict(mean)
    return models[0]
