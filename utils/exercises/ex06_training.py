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


def the_list_of_the_counter(pieces, counts):
    return [with_its_count(pieces, counts)]


def overwritten(pieces, counts):
    pairs = {}
    for word, parts in pieces.items():
        for pair in zip(parts, parts[1:], strict=False):
            pairs[pair] = counts[word]
    return max(pairs, key=pairs.get)


def once_in_a_word(pieces, counts):
    pairs = Counter()
    for word, parts in pieces.items():
        for pair in dict.fromkeys(zip(parts, parts[1:], strict=False)):
            pairs[pair] += counts[word]
    return pairs.most_common(1)[0][0]


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


def spread_on_top(right, size, epsilon):
    return not_smoothed(right, size, epsilon) + epsilon / size


def right_one_kept(right, size, epsilon):
    q = torch.full((size,), epsilon / size)
    q[right] = 1.0
    return q


def wrong_share_taken(right, size, epsilon):
    q = torch.full((size,), epsilon / size)
    q[right] = 1 - epsilon / size
    return q


def trust_and_doubt_swapped(right, size, epsilon):
    return smoothed(right, size, 1 - epsilon)


def budget_batches(lengths, budget):
    batches, batch = [], []
    for length in sorted(lengths):
        if length * (len(batch) + 1) > budget:
            batches.append(batch)
            batch = []
        batch.append(length)
    return batches + [batch]


def as_broken(lengths, budget):
    return padding_forgotten(lengths, budget)[:-1]


def padding_forgotten(lengths, budget):
    batches, batch = [], []
    for length in sorted(lengths):
        if sum(batch) + length > budget:
            batches.append(batch)
            batch = []
        batch.append(length)
    return batches + [batch]


def last_lost(lengths, budget):
    return budget_batches(lengths, budget)[:-1]


def looks_too_late(lengths, budget):
    batches, batch = [], []
    for length in sorted(lengths):
        if length * len(batch) > budget:
            batches.append(batch)
            batch = []
        batch.append(length)
    return batches + [batch]


def one_too_careful(lengths, budget):
    return budget_batches(lengths, budget - 1)


def newcomer_lost(lengths, budget):
    batches, batch = [], []
    for length in sorted(lengths):
        if length * (len(batch) + 1) > budget:
            batches.append(batch)
            batch = []
        else:
            batch.append(length)
    return batches + [batch]


def newcomer_not_measured(lengths, budget):
    batches, batch = [], []
    for length in sorted(lengths):
        if batch and max(batch) * (len(batch) + 1) > budget:
            batches.append(batch)
            batch = []
        batch.append(length)
    return batches + [batch]


def joins_first(lengths, budget):
    batches, batch = [], []
    for length in sorted(lengths):
        batch.append(length)
        if length * len(batch) > budget:
            batches.append(batch)
            batch = []
    return batches + [batch]


def again_and_again(lengths, budget):
    batches, batch = [], []
    for length in sorted(lengths):
        if length * (len(batch) + 1) > budget:
            batch = []
        batch.append(length)
        batches.append(batch)
    return batches


def by_the_shortest(lengths, budget):
    batches, batch = [], []
    for length in sorted(lengths):
        if batch and batch[0] * (len(batch) + 1) > budget:
            batches.append(batch)
            batch = []
        batch.append(length)
    return batches + [batch]


def as_they_come(lengths, budget):
    batches, batch = [], []
    for length in lengths:
        if max([length, *batch]) * (len(batch) + 1) > budget:
            batches.append(batch)
            batch = []
        batch.append(length)
    return batches + [batch]


def longest_first(lengths, budget):
    batches, batch = [], []
    for length in sorted(lengths, reverse=True):
        if max([length, *batch]) * (len(batch) + 1) > budget:
            batches.append(batch)
            batch = []
        batch.append(length)
    return batches + [batch]


def counts_sentences(lengths, budget):
    return [[length] for length in sorted(lengths)]


def adam_step(w, g, m, v, t, rate, betas=(0.9, 0.98), epsilon=1e-9):
    m = betas[0] * m + (1 - betas[0]) * g
    v = betas[1] * v + (1 - betas[1]) * g**2
    m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
    return w - rate * m_hat / (v_hat.sqrt() + epsilon), m, v


def no_hats(w, g, m, v, t, rate):
    _, m, v = adam_step(w, g, m, v, t, rate)
    return w - rate * m / (v.sqrt() + 1e-9), m, v


def hats_kept(w, g, m, v, t, rate):
    w, m, v = adam_step(w, g, m, v, t, rate)
    return w, m / (1 - 0.9**t), v / (1 - 0.98**t)


def no_root(w, g, m, v, t, rate):
    _, m, v = adam_step(w, g, m, v, t, rate)
    return w - rate * (m / (1 - 0.9**t)) / (v / (1 - 0.98**t) + 1e-9), m, v


def not_squared(w, g, m, v, t, rate):
    m, v = 0.9 * m + 0.1 * g, 0.98 * v + 0.02 * g
    return w - rate * (m / (1 - 0.9**t)) / ((v / (1 - 0.98**t)).sqrt() + 1e-9), m, v


def uphill(w, g, m, v, t, rate):
    return adam_step(w, g, m, v, t, -rate)


def betas_swapped(w, g, m, v, t, rate):
    return adam_step(w, g, m, v, t, rate, betas=(0.98, 0.9))


def usual_betas(w, g, m, v, t, rate):
    return adam_step(w, g, m, v, t, rate, betas=(0.9, 0.999))


def counts_from_zero(w, g, m, v, t, rate):
    _, m, v = adam_step(w, g, m, v, t, rate)
    step = rate * (m / (1 - 0.9 ** (t + 1))) / ((v / (1 - 0.98 ** (t + 1))).sqrt() + 1e-9)
    return w - step, m, v


def beta_not_raised(w, g, m, v, t, rate):
    _, m, v = adam_step(w, g, m, v, t, rate)
    return w - rate * (m / 0.1) / ((v / 0.02).sqrt() + 1e-9), m, v


def epsilon_missing(w, g, m, v, t, rate):
    return adam_step(w, g, m, v, t, rate, epsilon=0.0)


def usual_epsilon(w, g, m, v, t, rate):
    return adam_step(w, g, m, v, t, rate, epsilon=1e-8)


def epsilon_in_the_root(w, g, m, v, t, rate):
    _, m, v = adam_step(w, g, m, v, t, rate)
    return w - rate * (m / (1 - 0.9**t)) / (v / (1 - 0.98**t) + 1e-9).sqrt(), m, v


def only_this_slope(w, g, m, v, t, rate):
    _, m, v = adam_step(w, g, m, v, t, rate)
    return w - rate * g / ((v / (1 - 0.98**t)).sqrt() + 1e-9), m, v


def shares_swapped(w, g, m, v, t, rate):
    return adam_step(w, g, m, v, t, rate, betas=(0.1, 0.02))


def old_means_used(w, g, m, v, t, rate):
    w = w - rate * (m / (1 - 0.9**t)) / ((v / (1 - 0.98**t)).sqrt() + 1e-9)
    return w, 0.9 * m + 0.1 * g, 0.98 * v + 0.02 * g**2


def old_means_returned(w, g, m, v, t, rate):
    return adam_step(w, g, m, v, t, rate)[0], m, v


def power_of_the_rest(w, g, m, v, t, rate):
    _, m, v = adam_step(w, g, m, v, t, rate)
    return w - rate * (m / 0.1**t) / ((v / 0.02**t).sqrt() + 1e-9), m, v


def times_not_power(w, g, m, v, t, rate):
    _, m, v = adam_step(w, g, m, v, t, rate)
    return w - rate * (m / (1 - 0.9 * t)) / ((v / (1 - 0.98 * t)).sqrt() + 1e-9), m, v


def means_without_shares(w, g, m, v, t, rate):
    m, v = 0.9 * m + g, 0.98 * v + g**2
    return w - rate * (m / (1 - 0.9**t)) / ((v / (1 - 0.98**t)).sqrt() + 1e-9), m, v


def order_of_return(w, g, m, v, t, rate):
    w, m, v = adam_step(w, g, m, v, t, rate)
    return m, v, w


def slopes(*numbers):
    return torch.tensor(numbers)


EXERCISES = [
    Exercise(
        number="6.1",
        solution=best_pair,
        cases=[
            texts(("l o w", 5), ("l o t", 1), ("o w l", 2), ("n e w", 3), ("t e n", 4)),
            texts(("a b", 2), ("a b c", 2), ("c d", 9), ("a c b", 1)),
            texts(("th e", 7), ("th is", 6), ("th a t", 2), ("a t", 8), ("b a th e", 2)),
            texts(("a n a n", 3), ("o n", 5), ("c o t", 1)),
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
            "that is the whole list of most_common, a pair and its count in it: take the pair out "
            "of it, [0][0].": the_list_of_the_counter,
            "you set a pair's count anew in each word, so only the last word with it counts: add "
            "the words up.": overwritten,
            "a pair may stand twice in one word (a n a n), and then it counts twice.": (
                once_in_a_word
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
            "start and end are not in `words` yet: put them there, then shift.": (
                lambda words: (words[:-1], words[1:])
            ),
            "target_in begins with 0, which is padding: the start token is 1.": (
                lambda words: ([0] + words, words + [2])
            ),
        },
        praise="Read at position i, predict at position i: that is the next token.",
    ),
    Exercise(
        number="6.3",
        solution=budget_batches,
        cases=[
            ([3, 9, 4, 8, 2, 5], 14),
            ([6, 4, 4, 5, 7, 3, 4, 7], 12),
            ([7, 2, 2, 2, 3, 2, 3], 10),
        ],
        mistakes={
            "still as broken: the padding is not counted, and the last batch is lost.": as_broken,
            "the last batch is there now, but the padding is still not counted: the rectangle is "
            "the longest sentence times the number of sentences.": padding_forgotten,
            "the rectangles are right, but the last batch is still lost: when the loop ends, some "
            "sentences are left in `batch`.": last_lost,
            "some rectangles are one sentence too large: you measured before the newcomer joined. "
            "With it there are len(batch) + 1.": looks_too_late,
            "a batch may just reach the budget: start a new one only when it would be *passed*.": (
                one_too_careful
            ),
            "the sentence that did not fit has vanished: it must begin the next batch.": (
                newcomer_lost
            ),
            "you multiplied by the longest sentence so far: the newcomer is longer, so with it the "
            "rectangle is wider, too.": newcomer_not_measured,
            "the newcomer joins before you measure, so the batch has already passed the budget: "
            "measure first.": joins_first,
            "a batch stands in the list several times: append it when it is full, and the last "
            "one after the loop, not in it.": again_and_again,
            "you multiplied by the shortest sentence of the batch: a rectangle is as wide as its "
            "longest.": by_the_shortest,
            "the rectangles keep the budget, but the lengths are not sorted: shortest first, or "
            "much of each rectangle is padding.": as_they_come,
            "you began with the longest: the order asked for is shortest first. (For training, "
            "longest first is as good.)": longest_first,
            "one sentence a batch wastes nothing, but the budget has room for more.": (
                counts_sentences
            ),
        },
        praise="Width times height: that is what a batch costs.",
    ),
    Exercise(
        number="6.4",
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
            "the row sums to 1 + ε: you gave every token its ε / V, but took nothing from the "
            "right one. It keeps 1 − ε of its own.": spread_on_top,
            "the right token still has 1, so the row sums to more than 1: take ε from it first, "
            "then add its share ε / V.": right_one_kept,
            "the right token gave up ε / V only: it gives up the whole ε, and gets ε / V back.": (
                wrong_share_taken
            ),
            "ε and 1 − ε are swapped: the right token keeps the large share.": (
                trust_and_doubt_swapped
            ),
        },
        praise="It sums to 1, and no token is impossible any more.",
    ),
    Exercise(
        number="6.5",
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
    Exercise(
        number="6.6",
        solution=adam_step,
        cases=[
            (slopes(1.0, -2.0), slopes(4.0, 0.5), slopes(0.0, 0.0), slopes(0.0, 0.0), 1, 0.1),
            (slopes(0.5, 3.0), slopes(-1.0, 2.0), slopes(0.3, -0.8), slopes(0.2, 1.5), 3, 0.5),
            (slopes(0.0), slopes(3e-9), slopes(0.0), slopes(0.0), 1, 1.0),
        ],
        mistakes={
            "the hats are missing: both means began at 0 and are too small at first, so divide m "
            "by 1 − 0.9ᵗ and v by 1 − 0.98ᵗ.": no_hats,
            "the new w is right, but you returned m and v with their hats: what is kept for the "
            "next step are the running means as they are.": hats_kept,
            "the root is missing: v is the mean *square* of the slope, its size is √v.": no_root,
            "v must be the mean of the *squares*, g².": not_squared,
            "you walk uphill: a step goes *against* the slope, so subtract it.": uphill,
            "the two betas are swapped: 0.9 belongs to m, 0.98 to v.": betas_swapped,
            "0.999 is PyTorch's default for β₂; the paper has 0.98.": usual_betas,
            "t counts from 1 already: raise the betas to t, not to t + 1.": counts_from_zero,
            "the first step is right, the third is not: the correction is 1 − βᵗ, with the step "
            "number as a power.": beta_not_raised,
            "you stepped before m and v had seen this slope: update the means first.": (
                old_means_used
            ),
            "the new w is right, but m and v came back as they went in: return the updated ones.": (
                old_means_returned
            ),
            "the power belongs to β alone: 1 − βᵗ, not (1 − β)ᵗ.": power_of_the_rest,
            "you multiplied β by t: 1 − βᵗ has a power, `beta**t`.": times_not_power,
            "m and v grow too large: the new part gets its share only, 0.1 of g and 0.02 of g².": (
                means_without_shares
            ),
            "the three are right, but in another order: return w, m, v.": order_of_return,
            "ε is missing: where the slope is tiny, it holds the step back.": epsilon_missing,
            "10⁻⁸ is PyTorch's default for ε; the paper has 10⁻⁹.": usual_epsilon,
            "ε stands inside the root: add it after taking the root.": epsilon_in_the_root,
            "you step along the slope of this one batch: Adam goes along its running mean, m with "
            "its hat.": only_this_slope,
            "β and 1 − β are swapped: most of the old mean is kept, 0.9 of m and 0.98 of v.": (
                shares_swapped
            ),
        },
        praise="Five lines, and most of today's models were trained with them or their cousins.",
    ),
]
