"""Notebook 05's milestone: a learner's own Transformer learns a task, or hears what is broken."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from exercises.boxes import leak
from exercises.check import attempt
from exercises.say import say

SIZES = 13, 64, 4, 128, 1  # vocabulary, d_model, heads, d_ff, layers
SOURCE = torch.tensor([[5, 6, 7, 8, 9, 10]])
TARGET = torch.tensor([[1, 10, 9, 8, 7, 6, 5]])


def milestone(make: Callable, train: Callable, task: Callable, mark: int) -> int:
    """Train a fresh model, let it write 200 rows, and say whether `mark` of them are right.

    make: builds a model of SIZES that takes (source, target) ids and returns scores; train(make)
    returns it trained (and what else it likes); task(count) draws sources and targets, from start
    to end. Returns how many rows are right; 0 for a model that sees padding or later tokens. Never
    stops a run: what goes wrong is said in words.
    """
    name = getattr(make, "__name__", "your class")
    found, error = attempt(tried, make, train, task, mark)
    if error:
        say(f"✗ {name} stopped: {error}")
        return 0
    right, advice = found
    wrote = f"{name} writes {right} of 200 rows without a mistake"
    if not advice:
        say(f"● {wrote}: it has learned.")
        return right
    say(f"✗ {wrote}" + (", but sees too much." if right >= mark else f"; {mark} are the mark."))
    say(f"  {advice[0].upper()}{advice[1:]}")
    return 0 if right >= mark else right


def tried(make: Callable, train: Callable, task: Callable, mark: int) -> tuple[int, str]:
    """How many rows the trained model writes, and where to look first; "" if all is well."""
    trained, *_ = train(make)
    source, target = task(200)
    right = rows_right(trained, source, target)
    if right >= mark:
        return right, leak(trained, source, target)
    return right, f"look first at {likeliest_broken(lambda: make(*SIZES, norm_first=True))}"


@torch.no_grad()
def rows_right(model: nn.Module, source: Tensor, target: Tensor) -> int:
    """How many rows of target (from start to end) the model writes, greedily."""
    written = target[:, :1]
    for _ in range(target.size(1) - 1):
        likeliest = model(source, written)[:, -1:].argmax(dim=-1)  # (rows, 1)
        written = torch.cat([written, likeliest], dim=1)
    return int((written == target).all(dim=1).sum())


def likeliest_broken(make: Callable[[], nn.Module]) -> str:
    """Builds a fresh model, changes one thing after the other in what goes in, and says in words
    which box does not do what it should. `make()` gives a model(source, target) → scores of at
    least 13 tokens; padding is 0."""
    torch.manual_seed(0)
    model = make().eval()

    @torch.no_grad()
    def moved(source: Tensor, target: Tensor) -> Tensor:
        """At which places of the first target the scores are no longer the same: (7,)"""
        length = TARGET.size(1)
        change = model(source, target)[:, :length] - model(SOURCE, TARGET)
        return change.abs().amax(dim=(0, 2)) > 1e-4

    later, earlier = TARGET.clone(), TARGET.clone()
    later[0, 4], earlier[0, 2] = 3, 3
    padded = torch.cat([SOURCE, torch.zeros_like(SOURCE)], dim=1)  # (1, 12)
    if moved(SOURCE, later)[:4].any():
        return "the causal mask: a place can see the tokens that come after it."
    if not moved(SOURCE.roll(1), TARGET).any() and not moved(SOURCE - 2, TARGET).any():
        return "cross-attention: the source can be exchanged, and no score changes."
    if not moved(SOURCE.flip(1), TARGET).any():
        return "the positional encoding: the source can be reversed, and no score changes."
    if not moved(SOURCE, earlier)[2]:
        return "the decoder's way in: what a place is given does not change its own scores."
    if not moved(SOURCE, earlier)[3:].any():
        return "masked self-attention: a place does not see the tokens before it."
    if moved(padded, TARGET).any():
        return "the padding mask: padding behind the source changes the scores."
    model(SOURCE, TARGET).square().sum().backward()
    for name, parameter in model.named_parameters():
        if parameter.grad is None or not parameter.grad.any():
            return f"{name}: no gradient reaches it, so it learns nothing."
    size = model(SOURCE, TARGET).std().item()
    if not 0.1 < size < 4:
        return f"the start: untrained scores have size {size:.1g}. Look at the table and its √d."
    return "no single box: all see what they should. Look at skips, norms and the loss's shift."
