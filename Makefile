# make quickstart: a first reconstruction on screen. make study: everything, from set-up to the book. make test: everything that is checked.
PYTHON ?= python3
PROFILE ?= demo
RECORDINGS ?=
HELD_OUT ?=
OUT ?= results/$(PROFILE)
READY = .venv/ready
MOVRECON = .venv/bin/movrecon

.PHONY: quickstart study test browser pdf release clean

# A first movie, reconstructed on screen; without a browser as a page.
quickstart: $(READY)
	$(MOVRECON) quickstart

# RECORDINGS may be one folder, with blanks or without; of several, those with blanks need quotes of their own.
export RECORDINGS
study: $(READY)
	@if [ -d "$$RECORDINGS" ]; then set -- "$$RECORDINGS"; else eval "set -- $$RECORDINGS"; fi; \
	if [ $$# -gt 0 ]; then set -- --recordings "$$@"; fi; set -x; \
	$(MOVRECON) run --profile "$(PROFILE)" --out "$(OUT)" --figures figures \
	  $(if $(HELD_OUT),--held-out "$(HELD_OUT)") "$$@"

test: $(READY) browser
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/pytest -q -rs -n 2 --dist loadgroup

# The book and JupyterLab are tested in Chromium; where it is missing and cannot be installed those tests are skipped.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { [ "$$(id -u)" = 0 ] && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
	  >/dev/null 2>&1 || echo "no chromium: tests in a browser are skipped (apt-get install chromium)"

# The book of a finished run as one PDF.
pdf: $(READY) browser
	$(MOVRECON) book --out "$(OUT)" --figures figures --pdf

$(READY): constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11, 3.12 or 3.13 is needed, this is " + sys.version) if not (3, 11) <= sys.version_info < (3, 14) else None'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $(READY)

# What a release consists of, in dist/: the wheel, the source, the built book of OUT, and checksums.
release: $(READY)
	.venv/bin/python -m movrecon_core.release "$(OUT)" dist

clean:
	rm -rf results dist jupyter-book/_build
