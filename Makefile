# Needs python3 (3.11 to 3.13), make and a C++20 compiler; everything else comes as pinned packages.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUILD := build/python
# The optional dependencies (pyproject.toml) that `make setup` installs.
EXTRA := dev
# Processes that share the Python tests; 0 runs them in one.
PYTEST_WORKERS ?= 2
# Further options for pytest: make test PYTEST_ARGS='-k seeding'
PYTEST_ARGS ?=
# Warnings are errors with the compiler the project is developed with; a newer one may know
# warnings that nobody has seen yet.
WERROR ?= $(if $(filter 12,$(shell $(CXX) -dumpversion 2>/dev/null | cut -d. -f1)),ON,OFF)
# GCC 12's thread sanitizer cannot live with the address randomisation of newer kernels.
SAME_ADDRESSES := $(if $(shell command -v setarch),setarch $(shell uname -m) -R)
# What `make bench` holds: steps per second and core of the analytic market, and the share of two
# processes that two of its threads reach; nanoseconds per environment of a closed form's `act`;
# steps per second and core of a rollout with a 64x64 policy, the market's share taken off.
STEPS_PER_S_LEAST ?= 10e6
TWO_THREADS_LEAST ?= 0.95
POLICY_NS_MOST ?= 20
ROLLOUT_STEPS_PER_S_LEAST ?= 1e6
# Limits for the book market: --require-alone N --require-agent N, cycles per event.
BOOK_BENCH_ARGS ?=
# Operations of `make test-book`, half a minute at most; the recorded run has 1000 million.
BOOK_OPERATIONS ?= 20000000
# Steps of `make test-market`, a minute at most; a step has nearly nine events.
MARKET_STEPS ?= 1200000
# Mutated recordings of `make test-parse`, for each reader.
PARSE_FILES ?= 10000
# Actions of `make test-risk`, a few seconds; the recorded run has 100 million.
RISK_ACTIONS ?= 10000000
FUZZ_SECONDS ?= 60
FUZZ_CXX ?= $(or $(shell command -v clang++-16 || command -v clang++),clang++)
RISKFOLIO := riskfolio-lib==7.4.0

export PATH := $(CURDIR)/$(BIN):$(PATH)

CPP_SOURCES := $(shell find csrc tests/cpp -name '*.h' -o -name '*.cpp' 2>/dev/null)
ENGINE := CMakeLists.txt $(shell find csrc -type f -name '*.h' -o -type f -name '*.cpp')
EDITABLE = --no-build-isolation --config-settings=build-dir=$(BUILD) \
	--config-settings=cmake.define.RLMM_BUILD_TESTS=ON \
	--config-settings=cmake.define.RLMM_WERROR=$(WERROR) --editable

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-extra setup-portfolio demo screenshots test test-cpp test-book test-market test-parse \
	test-risk test-python fuzz bench sanitize coverage lint lint-ruff lint-mypy lint-imports lint-format lint-tidy lint-stub \
	lint-spelling format stub lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- set-up -----------------------------------------------------------------------------------

setup: $(VENV)/engine.stamp ## virtual environment in .venv, pinned packages, compiled engine
	@:

$(VENV)/created.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is not one of them;" \
	    "name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@command -v $(CXX) >/dev/null || { \
	  echo "needs a C++20 compiler, and '$(CXX)' was not found (Debian: apt-get install g++)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/packages.stamp: $(VENV)/created.stamp requirements.lock .ci/install.py
	$(BIN)/python .ci/install.py requirements.lock
	@touch $@

$(VENV)/engine.stamp: $(VENV)/packages.stamp pyproject.toml $(ENGINE)
	$(BIN)/python -m pip install --quiet --no-deps $(EDITABLE) .
	@touch $@

setup-extra: ## Debian packages for optional checks: headless browser, fuzzing (root only)
	@if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo "setup-extra: skipped, it needs root and apt-get; the checks that use it skip too"; \
	else \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	    --no-install-recommends chromium clang-16 libclang-rt-16-dev >/dev/null; fi

setup-portfolio: setup ## packages of the extra `portfolio`, and riskfolio-lib
	$(BIN)/python -m pip install --quiet -c requirements.lock $(EDITABLE) '.[portfolio]'
	$(BIN)/python -m pip install --quiet --no-deps $(RISKFOLIO)

# --- a first look -----------------------------------------------------------------------------

DEMO := runs/demo

demo: setup ## what there is, in two minutes; results anew in runs/demo
	rm -rf $(DEMO)
	mkdir -p $(DEMO)
	rlmm doctor
	rlmm certify P1 --agent exact --seeds 2 --episodes 4096 --set confidence=0.9999 \
	  --out $(DEMO)/certify-P1
	rlmm certify CARA-0.1 --agent avellaneda_stoikov --seeds 1 --episodes 4096 \
	  --set confidence=0.9999 --out $(DEMO)/certify-CARA-0.1
	rlmm simulate book-large-tick --hours 0.1 --out $(DEMO)/market.parquet --lobster $(DEMO)/lobster

screenshots: setup ## pictures of every page in docs/images; runs in runs/screenshots, needs Chromium
	python -m experiments.screenshots --out docs/images --work runs/screenshots

# --- tests ------------------------------------------------------------------------------------

test: test-cpp test-book test-python ## all tests (sets up first)

test-cpp: setup
	cmake --build $(BUILD) --target rlmm_tests
	ctest --test-dir $(BUILD) --output-on-failure

test-book: setup ## the order book against its oracle; further options: BOOK_ARGS='--seed 2'
	cmake --build $(BUILD) --target book_differential
	$(BUILD)/book_differential --operations $(BOOK_OPERATIONS) $(BOOK_ARGS)

test-market: setup ## the book market's invariants for MARKET_STEPS random steps: 10^7 events
	cmake --build $(BUILD) --target rlmm_tests
	RLMM_MARKET_STEPS=$(MARKET_STEPS) $(BUILD)/rlmm_tests "book market: conserves lots"

test-parse: setup ## PARSE_FILES mutated recordings for each reader, under address+undefined sanitizers
	cmake --preset asan && cmake --build --preset asan --target parse_mutated
	build/asan/parse_mutated $(PARSE_FILES)

test-risk: setup ## RISK_ACTIONS adversarial actions against the risk gate
	cmake --build $(BUILD) --target risk_adversary
	$(BUILD)/risk_adversary --actions $(RISK_ACTIONS) $(RISK_ARGS)

test-python: setup
	pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS)

fuzz: setup ## FUZZ_SECONDS of random bytes for each fuzz target; needs clang (make setup-extra)
	@if ! echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, long) { return 0; }' | \
	  $(FUZZ_CXX) -x c++ -fsanitize=fuzzer,address,undefined - -o /dev/null 2>/dev/null; then \
	  echo "fuzz: skipped, '$(FUZZ_CXX)' with libFuzzer was not found; make setup-extra installs it"; \
	else \
	  cmake --preset fuzz -DCMAKE_CXX_COMPILER=$(FUZZ_CXX) && cmake --build --preset fuzz && \
	  for name in fuzz_book fuzz_batch fuzz_parse; do \
	    mkdir -p build/fuzz/$$name.corpus; packed=tests/cpp/fuzz/seeds/$$name.tar.xz; \
	    if [ -f $$packed ]; then tar -xJf $$packed -C build/fuzz/$$name.corpus; fi; \
	    build/fuzz/$$name build/fuzz/$$name.corpus \
	      $$(ls -d tests/cpp/fuzz/seeds/$$name 2>/dev/null) \
	      -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/fuzz/$$name- \
	      -max_len=8192 -len_control=0 -timeout=20 -print_final_stats=1 -print_funcs=0 \
	      -verbosity=0 || exit 1; \
	  done; fi

bench: setup ## speed on this machine; fails below what the project promises (README.md)
	rlmm bench simulator --market analytic --require $(STEPS_PER_S_LEAST) \
	  --require-two-threads $(TWO_THREADS_LEAST)
	rlmm bench simulator --market book --preset book-large-tick $(BOOK_BENCH_ARGS)
	rlmm bench simulator --market book --preset book-small-tick $(BOOK_BENCH_ARGS)
	rlmm bench simulator --market replay
	python -m experiments.benchmarks.policies --require $(POLICY_NS_MOST)
	rlmm bench rollout --require $(ROLLOUT_STEPS_PER_S_LEAST)
	rlmm bench inference --require

sanitize: setup ## C++ tests under address+undefined and thread sanitizers
	cmake --preset asan && cmake --build --preset asan
	ctest --preset asan
	cmake --preset tsan && cmake --build --preset tsan
	$(SAME_ADDRESSES) ctest --preset tsan

coverage: setup ## C++: 100 % of lines, 95 % of branches; Python: 95 % of lines
	cmake --preset coverage && cmake --build --preset coverage
	find build/coverage -name '*.gcda' -delete
	ctest --preset coverage
	gcovr --root . --filter csrc/ --exclude csrc/bindings --exclude-throw-branches \
	  --exclude-unreachable-branches --exclude-noncode-lines --merge-lines --txt-metric branch \
	  --fail-under-line 100 --fail-under-branch 95 build/coverage
	pytest -n $(PYTEST_WORKERS) --cov --cov-report=term-missing:skip-covered $(PYTEST_ARGS)

# --- checks -----------------------------------------------------------------------------------

lint: lint-ruff lint-mypy lint-imports lint-format lint-tidy lint-stub lint-spelling ## all static checks

lint-ruff: setup
	ruff check
	ruff format --check

lint-mypy: setup
	mypy

lint-imports: setup
	lint-imports

lint-format: setup
	clang-format --dry-run -Werror $(CPP_SOURCES)

lint-tidy: setup
	python .ci/tidy.py $(BUILD)

lint-stub: setup
	python .ci/stub.py --check

lint-spelling: setup
	codespell

format: setup ## reformat Python and C++
	ruff check --fix --exit-zero
	ruff format
	clang-format -i $(CPP_SOURCES)

stub: setup ## regenerate rlmm_tf/_core.pyi from the extension
	python .ci/stub.py

lock: $(VENV)/packages.stamp ## regenerate requirements.lock; newest versions: LOCK_ARGS=--upgrade
	python .ci/lock.py $(EXTRA) $(LOCK_ARGS)

clean: ## remove everything built, except the virtual environment
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
	  .coverage .coverage.* coverage
	rm -f $(VENV)/engine.stamp
