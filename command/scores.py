"""How good translations are, in the figures that papers report."""

from collections.abc import Sequence
from importlib.util import find_spec

import sacrebleu

# Languages written without spaces between words: sacreBLEU's own splitter, or single characters
SPLITTERS = {"zh": "zh"} | dict.fromkeys(("ja", "th", "lo", "km", "my"), "char")


def quick_scores(found: Sequence[str], references: Sequence[str], language: str = "de") -> dict:
    """BLEU, chrF and exact match, as `scores` has them."""
    found, references = list(found), list(references)
    split = SPLITTERS.get(short(language), "13a")
    metrics = {"BLEU": sacrebleu.BLEU(tokenize=split), "chrF": sacrebleu.CHRF()}
    result: dict = {"signatures": {}}
    for name, metric in metrics.items():
        result[name] = metric.corpus_score(found, [references]).score
        result["signatures"][name] = str(metric.get_signature())
    if not any(
        sacrebleu.BLEU(tokenize=split).corpus_score([r], [[r]]).totals[3] for r in references
    ):
        result["BLEU"] = None
    result["exact match"] = sum(map(str.__eq__, found, references)) / len(found)
    return result


def scores(found: Sequence[str], references: Sequence[str], language: str = "de") -> dict:
    """Corpus scores of translations against one reference each, 0 to 100, with signatures.

    BLEU: sacreBLEU's default, cased, 13a, or the splitter of a language without spaces; None where
    no reference has four words, because then BLEU is 0 whatever was written. BLEU lowercased: the
    same without case. chrF: chrF2. BLEU of Wu et al.: lowercased and split by Moses' tokenizer
    first, as Wu et al. 2021 report it; for German and English, where the package sacremoses is
    installed. exact match: a share, 0 to 1. language: of the references, say "de" or "zh-TW".
    """
    found, references = list(found), list(references)
    result = quick_scores(found, references, language)
    language = short(language)
    metric = sacrebleu.BLEU(tokenize=SPLITTERS.get(language, "13a"), lowercase=True)
    result["BLEU lowercased"] = None
    if result["BLEU"] is not None:
        result["BLEU lowercased"] = metric.corpus_score(found, [references]).score
        result["signatures"]["BLEU lowercased"] = str(metric.get_signature())
        if language in ("de", "en") and find_spec("sacremoses"):
            add_wu(result, moses(found, language), moses(references, language))
    return result


def add_wu(result: dict, found: list[str], references: list[str]) -> None:
    """Put the BLEU of Wu et al. into the result. found, references: as `moses` has them."""
    metric = sacrebleu.BLEU(tokenize="none", force=True)
    result["BLEU of Wu et al."] = metric.corpus_score(found, [references]).score
    result["signatures"]["BLEU of Wu et al."] = f"{metric.get_signature()}, on Moses' tokens"


def short(language: str) -> str:
    """A language without its country: "zh" of "zh-TW"."""
    return language.lower().replace("_", "-").split("-")[0]


def in_words(judged: dict) -> str:
    """The figures that train.py prints: BLEU 31.42, chrF 55.10, exact match 1.2%"""
    bleu = "BLEU says nothing here (no reference has four words)"
    if judged["BLEU"] is not None:
        bleu = f"BLEU {judged['BLEU']:.2f}"
    return f"{bleu}, chrF {judged['chrF']:.2f}, exact match {judged['exact match']:.1%}"


def moses(sentences: Sequence[str], language: str) -> list[str]:
    """Lowercased, and split into words as Moses' tokenizer does."""
    from sacremoses import MosesTokenizer

    tokenizer = MosesTokenizer(lang=language)
    return [tokenizer.tokenize(text.lower(), return_str=True, escape=False) for text in sentences]
