"""Tests and notebooks run on the CPU, whatever the machine has: stored outputs are a CPU's."""

import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""
