"""How tests and notebooks run: on the CPU, with one thread, the longest files first."""

import atexit
import itertools
import os
import shutil
import socket
import sys
import tempfile

from jupyter_client.connect import LocalPortCache

# A worker and the kernels that it starts inherit these: two workers share two cores without
# quarrel, and sums are added up in the same order on every machine. RAYON is the tokenizers'.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
for name in (*THREADS, "VECLIB_MAXIMUM_THREADS"):
    os.environ[name] = "1"

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
    has practised, and how they have set up IPython."""
    for name in ("BY_HEART_DIR", "IPYTHONDIR"):
        os.environ[name] = tempfile.mkdtemp(prefix="by-heart-")
        atexit.register(shutil.rmtree, os.environ[name], ignore_errors=True)
    os.environ.pop("PYTHONSTARTUP", None)  # kernels run it, too
    LocalPortCache.find_available_port = ports_of(os.environ.get("PYTEST_XDIST_WORKER", "gw0"))
    if config.option.markexpr != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def ports_of(worker: str):
    """A search for free ports that no other worker looks at: a kernel binds its ports only a second
    after they were found free, and dies if another worker's kernel was quicker."""
    number = worker.removeprefix("gw")
    first = 20_000 + 2_000 * (int(number) % 6 if number.isdigit() else 0)  # below the system's own
    # Another run begins elsewhere, by chance: processes of one moment have neighbouring numbers
    numbers = itertools.count(int.from_bytes(os.urandom(4), "big"))

    def find_available_port(cache, ip: str) -> int:
        for number in itertools.islice(numbers, 2_000):
            port = first + number % 2_000
            with socket.socket() as probe:
                try:
                    probe.bind((ip, port))
                except OSError:
                    continue
            return port
        raise OSError(f"no port is free from {first} to {first + 1_999}")

    return find_available_port


def pytest_collection_modifyitems(items):
    for item in items:
        if hasattr(item, "output_timeout"):
            item.output_timeout = 60  # nbval's 5 seconds are short where the machine is busy

    def place(item) -> int:
        if item.path.name in LONGEST:
            return LONGEST.index(item.path.name)
        return len(LONGEST) + (item.path.suffix != ".ipynb")

    items.sort(key=place)  # a stable sort: within a file, the order stays
