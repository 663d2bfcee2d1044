"""Copy weights from PyTorch's own layers into ours, to compare the two."""

import torch
from torch import nn

RENAMED = {
    "self_attn": "self_attention",
    "multihead_attn": "cross_attention",
    "out_proj": "w_o",
    "linear1": "feed_forward.linear1",
    "linear2": "feed_forward.linear2",
}


@torch.no_grad()
def copy_from_torch(ours: nn.Module, theirs: nn.Module) -> None:
    """Give `ours` the weights of `theirs`.

    ours: the course's MultiHeadAttention, EncoderLayer, DecoderLayer, Encoder, Decoder;
    theirs: nn.MultiheadAttention, nn.TransformerEncoderLayer and so on, of the same sizes.
    PyTorch keeps the matrices of queries, keys and values in one (in_proj); here it is cut apart.
    Raises RuntimeError when a name or a shape has no counterpart.
    """
    weights = {}
    for name, tensor in theirs.state_dict().items():
        parts = [RENAMED.get(part, part) for part in name.split(".")]
        last = parts.pop()
        if last.startswith("in_proj_"):
            kind = last.removeprefix("in_proj_")  # weight or bias
            for letter, part in zip("qkv", tensor.chunk(3), strict=True):
                weights[".".join([*parts, f"w_{letter}", kind])] = part
        else:
            weights[".".join([*parts, last])] = tensor
    ours.load_state_dict(weights)
