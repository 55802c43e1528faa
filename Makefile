# Every command of the project. CI calls nothing else.
#
# Rust's files go to $CARGO_TARGET_DIR if that is set, else to target/; Python's to .venv/.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
VENV := .venv
PYTHON := $(VENV)/bin/python
REQUIREMENTS := tests/python/requirements.txt
PAGE_VENV := .venv-page
PAGE_REQUIREMENTS := tests/page/requirements.txt

FUZZ_TARGETS := conditions csv dirents excludes mountinfo tables
FUZZ_SECONDS := 60
SMOKE_SECONDS := 5

# `make bench BENCH="--suite flat --rounds 7"`
BENCH := --suite wide

# Tests that are skipped add a line to it, since test runners hide what a test that passes prints.
export PWALK_SKIPS := $(TARGET)/skips.txt

.PHONY: help setup check test test-page ci bench attack fuzz dist wheel clean
.PHONY: lint doc skips test-rust test-python release fuzz-smoke

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## Make the Python environment of the tests, if its requirements have changed
	@$(call make_venv,$(VENV),$(REQUIREMENTS))

check: lint doc test-rust ## Check format, lints and docs, and run the Rust tests

test: test-rust test-python ## Run all tests, after setting up what they need, and list those that were skipped
	@python3 tests/skips.py $(PWALK_SKIPS)

# Any Chromium will do: PWALK_CHROMIUM names one. Root gets Debian's, everybody else is told what to
# install.
test-page: ## Test the page of a profile in Chromium, after setting up what that needs
	@$(find_chromium) >/dev/null || { $(install_chromium); $(find_chromium) >/dev/null; } || { \
		echo 'make test-page: $(NO_CHROMIUM)'; exit 1; \
	}
	@$(call make_venv,$(PAGE_VENV),$(PAGE_REQUIREMENTS))
	cargo build --package pwalk-output --example page
	PWALK_CHROMIUM=$$($(find_chromium)) PWALK_PAGE_BIN=$(TARGET)/debug/examples/page \
		$(PAGE_VENV)/bin/python -m pytest tests/page

# The tests last: at their end stands the list of what was skipped, the fuzzing included. With
# CI=true in the environment, only what tests/skips-allowed.txt names may be in it.
ci: check release fuzz-smoke test-page test ## Run what a change must pass: check, a release build, a little fuzzing, test-page, test

# Compares pwalk with the floor and with other tools. bench/run.py --help lists the arguments.
bench: dist ## Measure; `make bench BENCH="--suite flat --install"`
	cargo build --profile dist --package pwalk-bench --package pwalk-slowfs
	python3 bench/run.py $(BENCH)

# The attacks and kills of which `make test` does a few.
attack: ## Repair 10,000 times while the folder is under attack, and kill 200 repairs
	cargo test --package pwalk --test repair --package pwalk-cli --test command -- \
		--ignored --nocapture t43_

fuzz: ## Fuzz each target for a minute (FUZZ_SECONDS=60); needs a nightly toolchain
	@$(require_nightly) || { echo 'make fuzz: $(NO_NIGHTLY)'; exit 1; }
	@$(require_cxx) || { echo 'make fuzz: $(NO_CXX)'; exit 1; }
	@$(install_fuzz)
	$(call run_fuzz,$(FUZZ_SECONDS),--release)

dist: ## Build the command as it is published, into target/dist/: slower to build, a little faster
	cargo build --profile dist

# The wheel says by itself which C library it needs at least (manylinux). Both are installed and
# used in environments of their own.
wheel: setup ## Build the Python package into dist/: a wheel, and a source distribution
	rm -rf dist
	$(VENV)/bin/maturin build --quiet --profile dist --out dist
	$(VENV)/bin/maturin sdist --out dist
	@for package in dist/*.whl dist/*.tar.gz; do \
		folder=$$(mktemp -d); python3 -m venv $$folder; \
		$$folder/bin/pip install --quiet --disable-pip-version-check $$package; \
		(cd $$folder && bin/python -c 'import pwalk; print(pwalk.__version__, len(list(pwalk.walk("/etc"))))' \
			&& bin/pwalk --version && echo "$$package works"); \
		rm -rf $$folder; \
	done

clean: ## Remove everything that was built or set up
	cargo clean
	cargo clean --manifest-path fuzz/Cargo.toml
	rm -rf $(VENV) $(PAGE_VENV) dist fuzz/artifacts fuzz/corpus python/pwalk/*.so

# ---- the parts ----

lint:
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets -- --deny warnings

# Libraries only: the command has the name of the library that it stands on.
doc:
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps --lib

skips:
	@mkdir -p $(dir $(PWALK_SKIPS)); : > $(PWALK_SKIPS)

# cargo-nextest runs no doc tests.
test-rust: skips
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; cargo nextest run --workspace --no-fail-fast; \
	else \
		set -x; cargo test --workspace --no-fail-fast --lib --bins --tests; \
	fi
	cargo test --workspace --doc

# The package is installed so that it is what stands in python/.
test-python: setup skips
	cargo build --workspace --bins
	VIRTUAL_ENV=$(abspath $(VENV)) $(VENV)/bin/maturin develop --quiet
	PWALK_BIN=$(TARGET)/debug/pwalk PWALK_FIXTURES_BIN=$(TARGET)/debug/pwalk-fixtures \
		$(PYTHON) -m pytest tests/python
	$(PYTHON) -m unittest discover --start-directory bench

release:
	cargo build --release

fuzz-smoke: skips
	@if ! $(require_nightly); then \
		echo 'fuzzing: $(NO_NIGHTLY)' | tee -a $(PWALK_SKIPS); \
	elif ! $(require_cxx); then \
		echo 'fuzzing: $(NO_CXX)' | tee -a $(PWALK_SKIPS); \
	else \
		$(install_fuzz); \
		$(call run_fuzz,$(SMOKE_SECONDS),--dev); \
	fi

# An environment of Python, and the file of what must be in it. It is made anew if that has changed.
define make_venv
if cmp -s $(2) $(1)/requirements.txt && $(1)/bin/python -c '' 2>/dev/null; then \
	exit; \
fi; \
python3 -c 'import venv, ensurepip' || { \
	echo 'make: python3 has no venv and pip (Debian: apt install python3-venv)'; exit 1; \
}; \
rm -rf $(1); \
python3 -m venv $(1); \
$(1)/bin/python -m pip install --quiet --disable-pip-version-check -r $(2); \
cp $(2) $(1)/requirements.txt
endef

NO_CHROMIUM := it needs Chromium (Debian: apt install chromium), and could not install it
find_chromium = command -v "$${PWALK_CHROMIUM:-chromium}" || command -v chromium-browser || command -v google-chrome
install_chromium = if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo 'make test-page: installing Chromium'; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else false; fi

# Sanitizers are a matter of the nightly compiler, and libFuzzer is C++.
NO_NIGHTLY := it needs a nightly toolchain (rustup toolchain install nightly)
NO_CXX := it needs a C++ compiler (c++)
require_nightly = rustup toolchain list 2>/dev/null | grep -q '^nightly'
require_cxx = command -v c++ >/dev/null
install_fuzz = cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz

# Seconds and profile: for a few seconds an optimized build does not pay.
define run_fuzz
for target in $(FUZZ_TARGETS); do \
	echo "fuzz target $$target, $(1) s"; \
	seeds=fuzz/seeds/$$target; mkdir -p fuzz/corpus/$$target; \
	cargo +nightly fuzz run $(2) $$target fuzz/corpus/$$target $$([ -d $$seeds ] && echo $$seeds || true) -- -max_total_time=$(1) -print_final_stats=1 -verbosity=0; \
done
endef
