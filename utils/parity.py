"""Copy weights between PyTorch's own layers and ours, to compare the two."""

from collections.abc import Mapping

from torch import Tensor, nn

RENAMED = {
    "self_attn": "self_attention",
    "multihead_attn": "cross_attention",
    "out_proj": "w_o",
    "linear1": "feed_forward.linear1",
    "linear2": "feed_forward.linear2",
}


def in_our_names(
    theirs: Mapping[str, Tensor], renamed: dict[str, str] = RENAMED
) -> dict[str, Tensor]:
    """The tensors of `theirs`, a state_dict, under the names that ours have: views of the same
    numbers. PyTorch keeps the matrices of queries, keys and values in one (in_proj); here it is cut
    apart."""
    found = {}
    for name, tensor in theirs.items():
        parts = [renamed.get(part, part) for part in name.split(".")]
        last = parts.pop()
        if last.startswith("in_proj_"):
            kind = last.removeprefix("in_proj_")  # weight or bias
            for letter, part in zip("qkv", tensor.chunk(3), strict=True):
                found[".".join([*parts, f"w_{letter}", kind])] = part
        else:
            found[".".join([*parts, last])] = tensor
    return found


def copy_from_torch(ours: nn.Module, theirs: nn.Module) -> None:
    """Give `ours` the weights of `theirs`.

    ours: the course's MultiHeadAttention, EncoderLayer, DecoderLayer, Encoder, Decoder;
    theirs: nn.MultiheadAttention, nn.TransformerEncoderLayer and so on, of the same sizes.
    Raises RuntimeError when a name or a shape has no counterpart.
    """
    ours.load_state_dict(in_our_names(theirs.state_dict()))
