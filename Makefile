# The commands of the course; `make` alone lists them. Each sets up .venv first, once.
# PYTHON=/path/to/python chooses the Python for the set-up; ARGS="…" goes on to the command.

VENV   := .venv
PY     := $(VENV)/bin/python
PYTHON ?=
ARGS   ?=
PYTHONS := $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 python3.10 python)
# Two workers, each file whole and in order in one of them, the files in the order of conftest.py
WORKERS := -n 2 --dist loadfile --no-loadscope-reorder

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help lab by-heart test test-long test-gpu export notebooks figures stamp model bench deck \
        site editions lock

help:
	@echo 'make lab        open the course in JupyterLab, at notebook 01'
	@echo 'make by-heart   ask for the blocks that are due today'
	@echo 'make test       run every test and every notebook    (a part: make test ARGS="-k corpus")'
	@echo 'make test-long  run the tests that take too long for every day'
	@echo 'make test-gpu   run the tests that need a GPU'
	@echo 'make export     write transformer/ anew from the notebooks'
	@echo 'make notebooks  run the notebooks, store their outputs   (some: make notebooks ARGS="02 05")'
	@echo 'make figures    draw the PNGs of utils/figures anew from their SVGs, with a Chromium'
	@echo 'make model      train data/model anew and store its scores, some five minutes'
	@echo 'make bench      measure the speed of training and decoding, beside their peers'
	@echo 'make deck       write build/transformer-by-heart.apkg, the course as an Anki deck'
	@echo 'make site       build the site of notebooks and pages in build/site'
	@echo 'make editions   write dist/: the notebooks to learn from, and to teach with   (some: ARGS="02 05")'
	@echo 'make lock       write constraints.txt anew   (newer packages: make lock ARGS="--upgrade")'
	@echo 'make stamp      put the address in pyproject.toml wherever it stands'

lab: $(VENV)/ready
	$(PY) -m jupyterlab notebooks/01_math.ipynb $(ARGS)

by-heart: $(VENV)/ready
	@$(PY) -m by_heart $(ARGS)

test: $(VENV)/ready-dev
	$(PY) -m pytest $(WORKERS) $(ARGS)

test-long: $(VENV)/ready-dev
	$(PY) -m pytest -m long $(WORKERS) $(ARGS)

test-gpu: $(VENV)/ready-dev
	$(PY) -m pytest -m gpu $(ARGS)

export: $(VENV)/ready-dev
	$(PY) -m tools.notebooks export

notebooks: $(VENV)/ready-dev
	$(PY) -m tools.notebooks run $(ARGS)

figures: $(VENV)/ready-dev
	$(PY) -m tools.figures

stamp: $(VENV)/ready
	$(PY) -m tools.notebooks stamp

model: $(VENV)/ready-dev
	$(PY) -m data.make.model

# ARGS go to the first two, e.g. ARGS="--data embedded --steps 20 --rounds 1" for a try. Decoding
# takes the model that `train.py --data multi30k` has left, or else the one that the course brings.
# (The two loops side by side: `python -m benchmarks.loops`; on a GPU: benchmarks/gpu.sh.)
bench: $(VENV)/ready-dev
	$(PY) -m benchmarks.training $(ARGS)
	$(PY) -m benchmarks.speed $(ARGS)
	$(PY) -m benchmarks.decoding

deck: $(VENV)/ready-dev
	$(PY) -m by_heart.deck $(ARGS)

site: $(VENV)/ready-dev
	$(PY) -m tools.site

editions: $(VENV)/ready-dev
	$(PY) -m tools.editions $(ARGS)

# uv keeps the versions that stand there, unless ARGS say otherwise. torch's CUDA packages stay out:
# a CPU's torch has none, and pip finds the ones that its torch names.
lock: $(VENV)/pyvenv.cfg
	$(PY) -m pip install --quiet uv
	cp constraints.txt constraints.txt.part
	$(PY) -m uv pip compile requirements.txt requirements-dev.txt -o constraints.txt.part --quiet \
	  --universal --python-version 3.10 --no-python-downloads --no-header --no-annotate $(ARGS)
	{ grep '^#' constraints.txt; echo; \
	  grep -vE "^(nvidia|cuda|triton)|== 'emscripten'" constraints.txt.part; } > constraints.new.part
	mv constraints.new.part constraints.txt && rm constraints.txt.part

# .venv is made anew if a set-up was broken off, or if its Python or its pip does not run
ifeq ($(shell [ -e $(VENV)/unfinished ] || $(PY) -m pip --version 2>/dev/null),)
.PHONY: $(VENV)/pyvenv.cfg
endif

# The set-up. "unfinished" stands in .venv while something is written there, so that an interrupted
# set-up begins anew; "ready" says that all of requirements.txt is there, "ready-dev" that all of
# requirements-dev.txt is there too.
$(VENV)/pyvenv.cfg:
	@chosen=; found=; \
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
	rm $(VENV)/unfinished

define install
@touch $(VENV)/unfinished
@echo "Installing the packages of $(1); the first time takes a few minutes."
@$(PY) -m pip install -r $(1) -c constraints.txt || { \
  rm -f $(VENV)/unfinished; \
  echo "Set-up stopped: pip could not install the packages (its message is above);" \
    "check the network connection and run the same command again." >&2; exit 1; }
@touch $@ && rm $(VENV)/unfinished
endef

$(VENV)/ready: $(VENV)/pyvenv.cfg requirements.txt constraints.txt
	$(call install,requirements.txt)

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt constraints.txt
	$(call install,requirements-dev.txt)
