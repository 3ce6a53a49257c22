# Two commands: `make benchmark` and `make test`. Both create .venv when it is missing.
#
#   make benchmark QUICK=1     one fold and fewer tables, some minutes
#   make benchmark DATA=DIR    also the tables DIR/tabular/*.npz
#   make benchmark RECORD=1    overwrite the tracked results and the figures of README.md
#   make test PYTHON=python3.12

PYTHON ?= python3
DATA ?=
QUICK ?=
RECORD ?=
TESTS ?=

VENV := .venv
RUN := $(VENV)/bin/python -m

.DEFAULT_GOAL := help
.PHONY: help benchmark test test-oldest fuzz lint types unit examples docs clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | sed -n 1,6p

benchmark: $(VENV)/installed-benchmark
	$(RUN) benchmarks redundant_features \
		$(if $(DATA),--data "$(DATA)") $(if $(filter-out 0,$(QUICK)),--quick) \
		$(if $(filter-out 0,$(RECORD)),--record)

test: lint types unit

lint: $(VENV)/installed-test
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) codespell_lib

types: $(VENV)/installed-test
	$(RUN) mypy

unit: $(VENV)/installed-test
	$(RUN) pytest

# The oldest supported versions, in an environment of their own. scikit-learn 1.6 calls
# pytest in a way that pytest 9 warns of. The benchmarks keep to constraints.txt.
# make test-oldest TESTS="tests/test_common.py" takes some files alone.

test-oldest:
	$(MAKE) VENV=.venv-oldest .venv-oldest/created
	.venv-oldest/bin/python -m pip install --disable-pip-version-check \
		-c constraints-oldest.txt -e ".[test]"
	.venv-oldest/bin/python -m pytest -W "ignore::pytest.PytestRemovedIn10Warning" \
		$(or $(TESTS),--ignore=tests/benchmarks)

# Ten minutes or so of tables that nobody thought of.
fuzz: $(VENV)/installed-test
	HYPOTHESIS_PROFILE=fuzz $(RUN) pytest tests/test_properties.py --hypothesis-show-statistics

examples: $(VENV)/installed-benchmark
	for example in examples/plot_*.py; do \
		MPLBACKEND=Agg $(VENV)/bin/python "$$example" || exit 1; done

# The site, into docs/_build/html; it runs the examples, each in its own folder, hence the
# absolute path. It needs no network: without tables in DATA they take scikit-learn's.
docs: $(VENV)/installed-docs
	$(if $(DATA),DATA="$$(realpath "$(DATA)")") \
		$(RUN) sphinx -W --keep-going -b html docs docs/_build/html

# A stamp per extra: a second call installs nothing, a changed pin or requirement does.
$(VENV)/installed-%: $(VENV)/created pyproject.toml constraints.txt
	$(RUN) pip install --disable-pip-version-check -c constraints.txt -e ".[$*]"
	@touch $@

# Some systems ship venv without the bundled pip; the system's own pip then puts it in.
$(VENV)/created:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed; set PYTHON=")'
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m venv --clear --without-pip $(VENV) \
		&& $(PYTHON) -m pip --python $(VENV) install pip; }
	@touch $@

clean:
	rm -rf $(VENV) .venv-oldest .mypy_cache .pytest_cache .ruff_cache
	rm -rf docs/_build docs/auto_examples docs/generated docs/pages
