"""How good translations are, in the figures that papers report."""

from collections.abc import Sequence
from importlib.util import find_spec

import sacrebleu

# Languages written without spaces between words: sacreBLEU's own splitter, or single characters
SPLITTERS = {"zh": "zh", "ja": "char", "th": "char"}


def scores(found: Sequence[str], references: Sequence[str], language: str = "de") -> dict:
    """Corpus scores of translations against one reference each, 0 to 100, with signatures.

    BLEU: sacreBLEU's default, cased, 13a, or the splitter of a language without spaces; None where
    no reference has four words, because then BLEU is 0 whatever was written. BLEU lowercased: the
    same without case. chrF: chrF2. BLEU of Wu et al.: lowercased and split by Moses' tokenizer
    first, as Wu et al. 2021 report it; for German and English, where the package sacremoses is
    installed. exact match: a share, 0 to 1. language: of the references, say "de" or "zh-TW".
    """
    found, references = list(found), list(references)
    language = language.lower().replace("_", "-").split("-")[0]
    split = SPLITTERS.get(language, "13a")
    metrics = {
        "BLEU": sacrebleu.BLEU(tokenize=split),
        "BLEU lowercased": sacrebleu.BLEU(tokenize=split, lowercase=True),
        "chrF": sacrebleu.CHRF(),
    }
    result: dict = {"signatures": {}}
    for name, metric in metrics.items():
        result[name] = metric.corpus_score(found, [references]).score
        result["signatures"][name] = str(metric.get_signature())
    if sacrebleu.BLEU(tokenize=split).corpus_score(references, [references]).totals[3] == 0:
        result["BLEU"] = result["BLEU lowercased"] = None
    elif language in ("de", "en") and find_spec("sacremoses"):
        metric = sacrebleu.BLEU(tokenize="none", force=True)
        pair = [moses(found, language), [moses(references, language)]]
        result["BLEU of Wu et al."] = metric.corpus_score(*pair).score
        result["signatures"]["BLEU of Wu et al."] = f"{metric.get_signature()}, on Moses' tokens"
    result["exact match"] = sum(map(str.__eq__, found, references)) / len(found)
    return result


def in_words(judged: dict) -> str:
    """The figures that train.py prints: BLEU 31.42, chrF 55.10, exact match 1.2 %"""
    bleu = "BLEU says nothing here (no reference has four words)"
    if judged["BLEU"] is not None:
        bleu = f"BLEU {judged['BLEU']:.2f}"
    return f"{bleu}, chrF {judged['chrF']:.2f}, exact match {judged['exact match']:.1%}"


def moses(sentences: Sequence[str], language: str) -> list[str]:
    """Lowercased, and split into words as Moses' tokenizer does."""
    from sacremoses import MosesTokenizer

    tokenizer = MosesTokenizer(lang=language)
    return [tokenizer.tokenize(text.lower(), return_str=True, escape=False) for text in sentences]
