"""How tests and notebooks run: on the CPU, with one thread, the longest files first."""

import atexit
import os
import shutil
import sys
import tempfile

# A worker and the kernels that it starts inherit these: two workers share two cores without
# quarrel, and sums are added up in the same order on every machine. RAYON is the tokenizers'.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
for name in (*THREADS, "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(name, "1")

# Longest first, or one worker would wait at the end while the other runs notebook 06
LONGEST = [
    "06_training.ipynb",
    "07_inference.ipynb",
    "08_by_heart.ipynb",
    "06_training_for_real.ipynb",
    "05_decoder.ipynb",
    "04_encoder.ipynb",
]


# transformers, beside whose models these labs hold ours, has no version for Python 3.10
collect_ignore_glob = ["notebooks/labs/08_*"] if sys.version_info < (3, 11) else []


def pytest_configure(config):
    """Hide the GPUs, whatever the machine has: stored outputs are a CPU's. And hide what its user
    has practised."""
    os.environ["BY_HEART_DIR"] = tempfile.mkdtemp(prefix="by-heart-")
    atexit.register(shutil.rmtree, os.environ["BY_HEART_DIR"], ignore_errors=True)
    if config.option.markexpr != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection_modifyitems(items):
    def place(item) -> int:
        if item.path.name in LONGEST:
            return LONGEST.index(item.path.name)
        return len(LONGEST) + (item.path.suffix != ".ipynb")

    items.sort(key=place)  # a stable sort: within a file, the order stays
