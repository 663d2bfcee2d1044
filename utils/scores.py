"""How good translations are, in the figures that papers report."""

from collections.abc import Sequence
from importlib.util import find_spec

import sacrebleu


def scores(found: Sequence[str], references: Sequence[str], language: str = "de") -> dict:
    """Corpus scores of translations against one reference each, 0 to 100, with signatures.

    BLEU: sacreBLEU's default, cased, 13a. BLEU lowercased: the same without case. chrF: chrF2.
    BLEU of Wu et al.: lowercased and split by Moses' tokenizer first, as Wu et al. 2021 report it;
    left out where the package sacremoses is not installed. exact match: a share, 0 to 1.
    """
    references = [list(references)]
    metrics = {
        "BLEU": sacrebleu.BLEU(),
        "BLEU lowercased": sacrebleu.BLEU(lowercase=True),
        "chrF": sacrebleu.CHRF(),
    }
    result: dict = {"signatures": {}}
    for name, metric in metrics.items():
        result[name] = metric.corpus_score(list(found), references).score
        result["signatures"][name] = str(metric.get_signature())
    if find_spec("sacremoses"):
        metric = sacrebleu.BLEU(tokenize="none", force=True)
        split = [moses(found, language), [moses(references[0], language)]]
        result["BLEU of Wu et al."] = metric.corpus_score(*split).score
        result["signatures"]["BLEU of Wu et al."] = f"{metric.get_signature()}, on Moses' tokens"
    result["exact match"] = sum(map(str.__eq__, found, references[0])) / len(found)
    return result


def moses(sentences: Sequence[str], language: str) -> list[str]:
    """Lowercased, and split into words as Moses' tokenizer does."""
    from sacremoses import MosesTokenizer

    tokenizer = MosesTokenizer(lang=language)
    return [tokenizer.tokenize(text.lower(), return_str=True, escape=False) for text in sentences]
