# The commands of the course; `make` alone lists them. Each sets up .venv first, once.
# PYTHON=/path/to/python chooses the Python for the set-up; ARGS="…" goes on to the command.

VENV   := .venv
PY     := $(VENV)/bin/python
PYTHON ?=
ARGS   ?=
PYTHONS := $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 python3.10 python)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help lab test export notebooks stamp bench

help:
	@echo 'make lab        open the course in JupyterLab, at notebook 01'
	@echo 'make test       run every test and every notebook    (a part: make test ARGS="-k corpus")'
	@echo 'make export     write transformer/ anew from the notebooks'
	@echo 'make notebooks  run the notebooks, store their outputs   (some: make notebooks ARGS="02 05")'
	@echo 'make bench      measure the speed of training and decoding, beside their peers'
	@echo 'make stamp      put the address in pyproject.toml into badges and set-up cells'

lab: $(VENV)/ready
	$(PY) -m jupyterlab notebooks/01_math.ipynb $(ARGS)

test: $(VENV)/ready
	$(PY) -m pytest $(ARGS)

export: $(VENV)/ready
	$(PY) -m utils.notebooks export

notebooks: $(VENV)/ready
	$(PY) -m utils.notebooks run $(ARGS)

stamp: $(VENV)/ready
	$(PY) -m utils.notebooks stamp

# ARGS go to the first two, e.g. ARGS="--data embedded --steps 20 --rounds 1" for a try. Decoding
# takes the model that `train.py --data multi30k` has left, or else the one that the course brings.
bench: $(VENV)/ready
	$(PY) -m pip install -r benchmarks/requirements.txt -c constraints.txt
	$(PY) -m benchmarks.training $(ARGS)
	$(PY) -m benchmarks.speed $(ARGS)
	$(PY) -m benchmarks.decoding

# A .venv whose Python no longer runs is set up again
ifeq ($(shell $(PY) -c 'print("runs")' 2>/dev/null),)
.PHONY: $(VENV)/ready
endif

# The set-up. "unfinished" stands in .venv from its first moment to its last, so that an interrupted
# set-up begins anew; "ready" says that all of requirements.txt is there.
$(VENV)/ready: requirements.txt constraints.txt
	@if [ -e $(VENV)/unfinished ] || ! $(PY) -m pip --version >/dev/null 2>&1; then \
	  chosen=; found=; \
	  for python in $(PYTHONS); do \
	    version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) \
	      || continue; \
	    case $$version in \
	      3.10|3.11|3.12|3.13) chosen=$$python; break ;; \
	      *) found="$${found:+$$found, }$$python is Python $$version" ;; \
	    esac; \
	  done; \
	  if [ -z "$$chosen" ] && [ -n "$$found" ]; then \
	    echo "The course needs Python 3.10 to 3.13, but $$found:" \
	      "install one of these, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python" >&2; exit 1; \
	  elif [ -z "$$chosen" ]; then \
	    echo "No Python runs here$(if $(PYTHON), as $(PYTHON)):" \
	      "install Python 3.10 to 3.13 from https://www.python.org/downloads/ and try again." >&2; exit 1; \
	  fi; \
	  echo "Setting up .venv with $$chosen (Python $$version); this happens once."; \
	  rm -rf $(VENV)/bin $(VENV) && mkdir $(VENV) && touch $(VENV)/unfinished; \
	  "$$chosen" -m venv $(VENV) || { \
	    echo "$$chosen cannot make a virtual environment" \
	      "(on Debian and Ubuntu it can after: sudo apt install python3-venv)." >&2; exit 1; }; \
	fi
	@touch $(VENV)/unfinished
	@echo "Installing the packages of requirements.txt; the first time takes a few minutes."
	@$(PY) -m pip install -r requirements.txt -c constraints.txt || { \
	  rm -f $(VENV)/unfinished; \
	  echo "Set-up stopped: pip could not install the packages (its message is above);" \
	    "check the network connection and run the same command again." >&2; exit 1; }
	@touch $@ && rm $(VENV)/unfinished
