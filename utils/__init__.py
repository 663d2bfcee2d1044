"""The helpers of the course that are not its subject: data, plots, exercise checks, Colab."""
