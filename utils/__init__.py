"""The helpers of the course that are not its subject: data, plots, figures, controls, Colab."""
