"""The competitors: three models in one dress, and the two loops that train them.

Each model starts from the same weights, has the same sizes, and offers what the course's training
asks of a model: encode, hidden, embedding.table.weight and config.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.rnn import pad_sequence
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from transformer.attention import causal_mask
from transformer.decoder import Transformer
from transformer.encoder import Embedding
from transformer.training import LOOK, hardware, set_up, train_epoch
from utils.data import PAD, START, Loader, Pair
from utils.parity import RENAMED

try:
    from transformers import PegasusConfig, PegasusModel
except ImportError:
    PegasusModel = None

from .measure import Task

Look = Callable[[int, int], None]  # is told how many steps and how many real target tokens are done
SENTENCES = 128  # a batch of the tutorial


class TorchTransformer(nn.Module):
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
        copy_weights(ours.encoder, self.encoder, RENAMED)
        copy_weights(ours.decoder, self.decoder, RENAMED)

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

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """The scores: (batch, target length, vocab_size)."""
        x = self.hidden(target, self.encode(source), source)
        return F.linear(x, self.embedding.table.weight)


class HuggingFaceTransformer(nn.Module):
    """Pegasus: of the library's models the one that is built as ours, with pre-norm and sinusoids.

    It calls F.dropout, which no loop can replace by a faster one. Here modules drop out instead, at
    the same places. Raises ImportError without the package transformers.
    """

    RENAMED = {
        "self_attn": "self_attention",
        "encoder_attn": "cross_attention",
        "q_proj": "w_q",
        "k_proj": "w_k",
        "v_proj": "w_v",
        "out_proj": "w_o",
        "fc1": "feed_forward.linear1",
        "fc2": "feed_forward.linear2",
        "self_attn_layer_norm": "norm1",
        "encoder_attn_layer_norm": "norm2",
        "layer_norm": "norm",
    }

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
                dropout=0.0,
                scale_embedding=True,
                use_cache=False,
                attn_implementation="sdpa",
            )
        )
        self.dropout = nn.Dropout(config["dropout"])
        sides = (
            (self.model.encoder, ours.encoder, "norm2"),
            (self.model.decoder, ours.decoder, "norm3"),
        )
        for theirs, mine, last_norm in sides:
            copy_weights(
                mine, theirs.layers, self.RENAMED | {"final_layer_norm": last_norm}, "layers."
            )
            copy_weights(mine, theirs.layer_norm, {}, "norm.")
            theirs.embed_positions.weight.data.copy_(ours.embedding.encoding)  # ours interleaves
            if not config["dropout"]:
                continue
            theirs.layers[0].register_forward_pre_hook(
                lambda layer, inputs: (self.dropout(inputs[0]), *inputs[1:])
            )
            for name, module in theirs.layers.named_modules():
                if name.endswith("_attn"):
                    module.register_forward_hook(
                        lambda attention, inputs, result: (self.dropout(result[0]), *result[1:])
                    )
                elif name.endswith("fc2"):
                    module.register_forward_hook(
                        lambda linear, inputs, result: self.dropout(result)
                    )
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


@torch.no_grad()
def copy_weights(
    ours: nn.Module, theirs: nn.Module, renamed: dict[str, str], prefix: str = ""
) -> None:
    """Give `theirs` the weights of `ours`: utils.parity's copying, the other way round.

    renamed: their names of modules, and ours; prefix: of `theirs` inside `ours`. Raises KeyError
    when a name has no counterpart, RuntimeError when a shape does not fit.
    """
    weights = ours.state_dict()
    for name, tensor in theirs.state_dict().items():
        *parts, last = (renamed.get(part, part) for part in (prefix + name).split("."))
        if last.startswith("in_proj_"):
            kind = last.removeprefix("in_proj_")  # weight or bias
            tensor.copy_(torch.cat([weights[".".join([*parts, f"w_{i}", kind])] for i in "qkv"]))
        else:
            tensor.copy_(weights[".".join([*parts, last])])


def course_loop(model: nn.Module, task: Task, look: Look) -> None:
    """The training of notebook 06, whichever model it trains."""
    batches = Loader(task.pairs, task.max_tokens, shuffle=True, seed=task.seed)
    steps = task.epochs * len(batches)
    training = set_up(model, batches, lambda step: task.rate(step, steps), task.smoothing)
    on_cpu = training.accelerator.device.type == "cpu"

    def report() -> None:
        past = training.epoch - 1
        rows = (row for batch in batches.batches[: training.steps] for row in batch)
        tokens = past * task.tokens + sum(batches.lengths[row][0] for row in rows)
        look(past * len(batches) + training.steps, tokens)

    with sdpa_kernel(SDPBackend.MATH) if on_cpu else nullcontext():  # as `fit` has it
        while training.epoch <= task.epochs:
            train_epoch(training, report)
            training.epoch, training.steps, training.loss = training.epoch + 1, 0, 0.0


def tutorial_loop(model: nn.Module, task: Task, look: Look) -> None:
    """The loop of PyTorch's tutorial on translation with nn.Transformer, in our words.
    https://github.com/pytorch/tutorials/blob/db77dcf6e3637924f43852c014f2af9978b0f891/beginner_source/translation_transformer.py

    Three things are the course's, so that the loops alone differ: label smoothing, the learning
    rate, which is the same after the same share of the training, and the random order (the
    tutorial takes the sentences as they come; neither looks at their lengths).
    """
    device, _ = hardware()
    torch.manual_seed(task.seed)
    batches = DataLoader(task.pairs, SENTENCES, shuffle=True, collate_fn=pad_pairs)
    model.to(device)
    loss_of = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=task.smoothing)
    optimizer = Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
    theirs = len(batches)
    ours = len(Loader(task.pairs, task.max_tokens))
    schedule = LambdaLR(
        optimizer, lambda step: task.rate((step + 1) * ours / theirs, task.epochs * ours)
    )
    steps = tokens = 0
    for _ in range(task.epochs):
        model.train()
        epoch_loss = 0.0
        for source, target, real in batches:
            source, target = source.to(device), target.to(device)
            scores = model(source, target[:, :-1])
            optimizer.zero_grad()
            loss = loss_of(scores.flatten(0, 1), target[:, 1:].flatten())
            loss.backward()
            optimizer.step()
            schedule.step()
            epoch_loss += loss.item()
            steps, tokens = steps + 1, tokens + real
            if steps % LOOK == 0 or steps % theirs == 0:
                look(steps, tokens)


def pad_pairs(pairs: list[Pair]) -> tuple[Tensor, Tensor, int]:
    """source (batch, source length), target with the start token (batch, target length + 1), and
    how many target tokens are real."""
    rows = [pair.source for pair in pairs], [[START, *pair.target] for pair in pairs]
    source, target = (
        pad_sequence([torch.tensor(ids) for ids in side], batch_first=True, padding_value=PAD)
        for side in rows
    )
    return source, target, sum(len(pair.target) for pair in pairs)


@dataclass
class Peer:
    build: Callable[[Transformer], nn.Module]  # from our model, whose weights it starts with
    loop: Callable[[nn.Module, Task, Look], None]


def themselves(ours: Transformer) -> Transformer:
    return ours


def with_all_its_dropout(ours: Transformer) -> TorchTransformer:
    return TorchTransformer(ours, everywhere=True)


OURS = "the course's model"
TORCH = "nn.Transformer in the course's loop"
TUTORIAL = "nn.Transformer in the tutorial's loop"
HUGGING_FACE = "Hugging Face's Pegasus in the course's loop"
PEERS = {
    OURS: Peer(themselves, course_loop),
    TORCH: Peer(TorchTransformer, course_loop),
    TUTORIAL: Peer(with_all_its_dropout, tutorial_loop),
    HUGGING_FACE: Peer(HuggingFaceTransformer, course_loop),
}
