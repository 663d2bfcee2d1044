"""The model, one module a notebook: `make export` writes it, nobody edits it."""
