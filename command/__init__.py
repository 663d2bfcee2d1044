"""What the command line shares: train.py, translate.py and the benchmarks."""
