"""The exercises of notebook 06."""

from collections import Counter

import torch

from utils.checks import Exercise


def best_pair(pieces, counts):
    pairs = Counter()
    for word, parts in pieces.items():
        for pair in zip(parts, parts[1:], strict=False):
            pairs[pair] += counts[word]
    return pairs.most_common(1)[0][0]


def each_word_once(pieces, counts):
    return best_pair(pieces, dict.fromkeys(counts, 1))


def rarest(pieces, counts):
    return best_pair(pieces, {word: -count for word, count in counts.items()})


def first_and_last(pieces, counts):
    pairs = Counter()
    for word, parts in pieces.items():
        pairs[parts[0], parts[-1]] += counts[word]
    return pairs.most_common(1)[0][0]


def letters_again(pieces, counts):
    return best_pair({word: list(word) for word in pieces}, counts)


def glued(pieces, counts):
    return "".join(best_pair(pieces, counts))


def with_its_count(pieces, counts):
    pair = best_pair(pieces, counts)
    times = sum(
        counts[word] * list(zip(parts, parts[1:], strict=False)).count(pair)
        for word, parts in pieces.items()
    )
    return pair, times


def texts(*words: tuple[str, int]) -> tuple[dict, dict]:
    """The two arguments of best_pair: words given as pieces with spaces between, and counts."""
    pieces = {word.replace(" ", ""): word.split() for word, _ in words}
    return pieces, {word.replace(" ", ""): count for word, count in words}


def smoothed(right, size, epsilon):
    q = torch.full((size,), epsilon / size)
    q[right] += 1 - epsilon
    return q


def without_the_right_one(right, size, epsilon):
    q = torch.full((size,), epsilon / (size - 1))
    q[right] = 1 - epsilon
    return q


def sums_to_more(right, size, epsilon):
    q = torch.full((size,), epsilon)
    q[right] = 1 - epsilon
    return q


def forgets_its_share(right, size, epsilon):
    q = torch.full((size,), epsilon / size)
    q[right] = 1 - epsilon
    return q


def never_spread(right, size, epsilon):
    return not_smoothed(right, size, epsilon) * (1 - epsilon)


def not_smoothed(right, size, epsilon):
    return torch.nn.functional.one_hot(torch.tensor(right), size).float()


EXERCISES = [
    Exercise(
        number="6.1",
        solution=best_pair,
        cases=[
            texts(("l o w", 5), ("l o t", 1), ("o w l", 2), ("n e w", 3), ("t e n", 4)),
            texts(("a b", 2), ("a b c", 2), ("c d", 9), ("a c b", 1)),
            texts(("th e", 7), ("th is", 6), ("th a t", 2), ("a t", 8), ("b a th e", 2)),
        ],
        mistakes={
            "you counted each word once: a word that occurs five times adds five to each of its "
            "pairs, so add counts[word].": each_word_once,
            "that is the rarest pair: the next merge is the most frequent one.": rarest,
            "you paired the first piece with the last: a pair is two pieces that stand side by "
            "side, so zip the parts with the parts from the second on.": first_and_last,
            "you paired letters: count the pieces in the lists, where earlier merges have already "
            "glued some letters.": letters_again,
            "you glued the pair: return its two pieces as a tuple, not one string.": glued,
            "the pair is right, but you returned its count as well: return only the pair.": (
                with_its_count
            ),
        },
        praise="Repeat it a few thousand times, and you have a tokenizer.",
    ),
    Exercise(
        number="6.2",
        solution=lambda words: ([1] + words, words + [2]),
        cases=[([8, 9, 10],), ([5],)],
        mistakes={
            "the two lists are swapped: what the decoder reads comes first and begins with the "
            "start token.": lambda words: (words + [2], [1] + words),
            "both lists are the whole sentence with start and end: then the decoder would read "
            "the very token it must predict.": lambda words: ([1] + words + [2],) * 2,
            "the decoder does not read the start token: what would it predict the first word "
            "from?": lambda words: (words, words[1:] + [2]),
            "nothing tells the model to stop: target_out ends with the end token (2).": (
                lambda words: ([1] + words[:-1], words)
            ),
            "target_in is right, but nothing tells the model to stop: target_out ends with the end "
            "token (2).": lambda words: ([1] + words, words),
            "target_in is one too long: the end token is only predicted, never read.": (
                lambda words: ([1] + words + [2], words + [2])
            ),
            "target_in begins with 0, which is padding: the start token is 1.": (
                lambda words: ([0] + words, words + [2])
            ),
        },
        praise="Read at position i, predict at position i: that is the next token.",
    ),
    Exercise(
        number="6.3",
        solution=smoothed,
        cases=[(2, 5, 0.1), (0, 4, 0.2)],
        mistakes={
            "ε is shared among all V tokens, the right one included: a wrong one gets ε / V, not "
            "ε / (V − 1). (Some programs do it your way; PyTorch does not.)": without_the_right_one,
            "each wrong token got the whole ε, so the row sums to more than 1: spread it, "
            "ε / V each.": sums_to_more,
            "the row sums to a little less than 1: the right token keeps 1 − ε and also gets its "
            "share ε / V.": forgets_its_share,
            "that is the plain one-hot row: nothing has been taken from the right token.": (
                not_smoothed
            ),
            "the row sums to 1 − ε: what was taken from the right token is not given to anyone. "
            "Spread it, ε / V each.": never_spread,
        },
        praise="It sums to 1, and no token is impossible any more.",
    ),
    Exercise(
        number="6.4",
        solution=0.5,
        mistakes={
            "in the paper's schedule the rate falls with 1/√step, not with 1/step (nor in a "
            "straight line, like ours): at four times the steps, divide by √4.": 0.25,
            "after the peak the rate falls, so less than the whole peak is left: turn your "
            "fraction over.": 2.0,
            "16,000 is four times 4,000, but after the warm-up the rate no longer grows with the "
            "step: it falls with its root.": 4.0,
            "give a share between 0 and 1, not per cent.": 50.0,
            "that is the factor 1/√16,000. The share is the rate at step 16,000 divided by the "
            "rate at step 4,000.": 16_000**-0.5,
            "that is the base model's rate at step 16,000. The share is this rate divided by the "
            "peak.": (512 * 16_000) ** -0.5,
        },
        praise="Half the rate at four times the steps: a slow, long decay.",
    ),
]
