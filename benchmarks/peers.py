"""The competitors: three models in one dress, and the two loops that train them.

Each model starts from the same weights, has the same sizes, and offers what the course's training
asks of a model: encode, hidden, embedding.table.weight and config.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from transformer import marian
from transformer.attention import causal_mask
from transformer.decoder import Transformer
from transformer.encoder import Embedding
from transformer.trainer import Recipe, fit
from transformer.training import device
from utils.data import PAD, Batch, Loader, collate
from utils.parity import RENAMED, in_our_names

try:
    from transformers import PegasusConfig, PegasusModel
except ImportError:
    PegasusModel = None

from .measure import Lap, Task

SENTENCES = 128  # a batch of the tutorial


@torch.no_grad()
def copy_to(theirs: nn.Module, ours: nn.Module, renamed: dict[str, str] = RENAMED) -> None:
    """Give `theirs` our weights. Raises KeyError when a name of `theirs` has no counterpart."""
    weights = ours.state_dict()
    for name, place in in_our_names(theirs.state_dict(), renamed).items():
        place.copy_(weights[name])


class Dressed(nn.Module):
    """Another library's model, as the course's training and evaluation call it."""

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """The scores: (batch, target length, vocab_size)."""
        x = self.hidden(target, self.encode(source), source)
        return F.linear(x, self.embedding.table.weight)


class TorchTransformer(Dressed):
    """nn.Transformer's two stacks between the course's embedding and its scores.

    Dropout stands where the course has it: on embeddings and on what leaves a sublayer. With
    everywhere=True also on attention weights and inside the feed-forward, as nn.Transformer has it.
    """

    def __init__(self, ours: Transformer, everywhere: bool = False) -> None:
        super().__init__()
        self.config = config = ours.config
        d_model, num_layers, dropout = config["d_model"], config["num_layers"], config["dropout"]
        shape = (d_model, config["num_heads"], config["d_ff"], dropout)
        order = {"batch_first": True, "norm_first": config["norm_first"]}
        norms = [nn.LayerNorm(d_model) if config["norm_first"] else None for _ in range(2)]
        self.embedding = Embedding(config["vocab_size"], d_model, dropout, config["max_length"])
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(*shape, **order),
            num_layers,
            norms[0],
            enable_nested_tensor=False,
        )
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(*shape, **order), num_layers, norms[1]
        )
        for layer in () if everywhere else (*self.encoder.layers, *self.decoder.layers):
            layer.dropout.p = 0.0  # the one inside the feed-forward
            for module in layer.modules():
                if isinstance(module, nn.MultiheadAttention):
                    module.dropout = 0.0
        self.embedding.load_state_dict(ours.embedding.state_dict())
        copy_to(self.encoder, ours.encoder)
        copy_to(self.decoder, ours.decoder)

    def encode(self, source: Tensor) -> Tensor:
        padding = source == self.config["pad"]  # True = may not attend
        return self.encoder(self.embedding(source), src_key_padding_mask=padding)

    def hidden(self, target: Tensor, memory: Tensor, source: Tensor) -> Tensor:
        return self.decoder(
            self.embedding(target),
            memory,
            tgt_mask=~causal_mask(target.size(1), target.device),
            tgt_key_padding_mask=target == self.config["pad"],
            memory_key_padding_mask=source == self.config["pad"],
            tgt_is_causal=False,  # else it compares the mask with a causal one in every step
        )


class HuggingFaceTransformer(Dressed):
    """Pegasus: of the library's models the one that is built as ours, with pre-norm and sinusoids.

    It drops out where ours does, but by a function of its own, which no loop can replace by a
    faster one. Raises ImportError without the package transformers.
    """

    def __init__(self, ours: Transformer) -> None:
        super().__init__()
        if PegasusModel is None:
            raise ImportError("the package transformers is missing: see requirements-dev.txt")
        self.config = config = ours.config
        self.model = PegasusModel(
            PegasusConfig(
                vocab_size=config["vocab_size"],
                d_model=config["d_model"],
                encoder_layers=config["num_layers"],
                decoder_layers=config["num_layers"],
                encoder_attention_heads=config["num_heads"],
                decoder_attention_heads=config["num_heads"],
                encoder_ffn_dim=config["d_ff"],
                decoder_ffn_dim=config["d_ff"],
                max_position_embeddings=config["max_length"],
                activation_function="relu",
                dropout=config["dropout"],
                scale_embedding=True,
                use_cache=False,
                attn_implementation="sdpa",
            )
        )
        for theirs, mine, last in (
            (self.model.encoder, ours.encoder, "norm2"),
            (self.model.decoder, ours.decoder, "norm3"),
        ):
            copy_to(theirs.layers, mine.layers, marian.RENAMED | {"final_layer_norm": last})
            theirs.layer_norm.load_state_dict(mine.norm.state_dict())
            theirs.embed_positions.weight.data.copy_(ours.embedding.encoding)  # ours interleaves
        self.model.shared.weight.data.copy_(ours.embedding.table.weight)

    @property
    def embedding(self) -> SimpleNamespace:
        return SimpleNamespace(table=self.model.shared)

    def encode(self, source: Tensor) -> Tensor:
        real = source != self.config["pad"]
        return self.model.encoder(source, attention_mask=real).last_hidden_state

    def hidden(self, target: Tensor, memory: Tensor, source: Tensor) -> Tensor:
        return self.model.decoder(
            target,
            attention_mask=target != self.config["pad"],
            encoder_hidden_states=memory,
            encoder_attention_mask=source != self.config["pad"],
        ).last_hidden_state


def course_batches(task: Task) -> Loader:
    return task.loader()


def course_loop(model: nn.Module, lap: Lap, recipe: Recipe) -> None:
    """The trainer's, whichever model it trains."""
    fit(model, lap, replace(recipe, epochs=1))  # all that a lap has


def tutorial_batches(task: Task) -> DataLoader:
    """So many sentences, whatever their lengths, padded in every step."""
    torch.manual_seed(task.recipe.seed)
    return DataLoader(task.pairs, SENTENCES, shuffle=True, collate_fn=collate)


def tutorial_loop(model: nn.Module, lap: Lap, recipe: Recipe) -> None:
    """The loop of PyTorch's tutorial on translation with nn.Transformer, in our words.
    https://github.com/pytorch/tutorials/blob/db77dcf6e3637924f43852c014f2af9978b0f891/beginner_source/translation_transformer.py

    Three things are the course's, so that the loops alone differ: label smoothing, the learning
    rate, which is the same after the same share of the training, and the random order (the
    tutorial takes the sentences as they come; neither looks at their lengths).
    """
    model.to(device()).train()
    loss_of = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=recipe.smoothing)
    optimizer = Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
    schedule = LambdaLR(optimizer, lambda done: recipe.rate(done + 1, len(lap)))
    epoch_loss = 0.0
    for batch in lap:
        batch = batch.to(device())
        scores = model(batch.source, batch.target_in)
        optimizer.zero_grad()
        loss = loss_of(scores.flatten(0, 1), batch.target_out.flatten())
        loss.backward()
        optimizer.step()
        schedule.step()
        epoch_loss += loss.item()


@dataclass
class Peer:
    build: Callable[[Transformer], nn.Module]  # from our model, whose weights it starts with
    batches: Callable[[Task], Iterable[Batch]]  # of one epoch
    loop: Callable[[nn.Module, Lap, Recipe], None]


def themselves(ours: Transformer) -> Transformer:
    return ours


def with_all_its_dropout(ours: Transformer) -> TorchTransformer:
    return TorchTransformer(ours, everywhere=True)


OURS = "the course's model"
TORCH = "nn.Transformer in the course's loop"
TUTORIAL = "nn.Transformer in the tutorial's loop"
HUGGING_FACE = "Hugging Face's Pegasus in the course's loop"
PEERS = {
    OURS: Peer(themselves, course_batches, course_loop),
    TORCH: Peer(TorchTransformer, course_batches, course_loop),
    TUTORIAL: Peer(with_all_its_dropout, tutorial_batches, tutorial_loop),
    HUGGING_FACE: Peer(HuggingFaceTransformer, course_batches, course_loop),
}
