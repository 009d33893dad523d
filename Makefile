# make cae3d    train the 3D autoencoder on synthetic knees
# make thesis   run all four trainings and draw all figures of the thesis
# make test     run the tests
# make docs     build the documentation: build/docs/index.html
#
# You need only make and a Python between 3.9 and 3.13. The first call builds
# a virtual environment. To choose another Python, name it, as in
# "make test PYTHON=python3.13": it gets a virtual environment of its own.
# "make setup TORCH=cpu" or "TORCH=cuda" chooses the build of PyTorch; without
# it, the machine's GPU decides.

VENV := .venv$(if $(PYTHON),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin

.PHONY: help setup cae3d thesis test test-slow fuzz lint coverage docs dist test-dist \
        test-commands test-compiled test-engine clients test-distributed benchmark growth readings scaling \
        gpu-check numbers pictures clean

help:
	@sed -n '/^# make/s/^# //p' Makefile

setup: $(VENV)/installed

$(VENV)/installed: requirements.txt setup.py build_venv.sh theano_build/sitecustomize.py
	@TORCH=$(TORCH) sh build_venv.sh $(VENV) $(PYTHON)

# Another build of PyTorch is another environment.
ifneq ($(TORCH),)
ifneq ($(TORCH),$(shell cat $(VENV)/torch 2>/dev/null))
.PHONY: $(VENV)/installed
endif
endif

cae3d: setup
	$(BIN)/python experiments/cae3d.py

thesis: setup
	$(BIN)/python experiments/thesis.py

test: setup
	$(BIN)/python -m tests.run

# make test-commands   run every command of README.rst and docs/ (3 minutes)
test-commands: setup
	@mkdir -p build
	$(BIN)/python -m nose tests/readme_commands.py --with-xunit \
	    --xunit-file=build/commands.xml

# make test-slow       run what takes longer: whole programs, all networks
test-slow: setup
	$(BIN)/python -m tests.run --report build/slow.xml \
	    tests/engine/all_networks.py tests/engine/kernels/all_filters.py \
	    tests/benchmarks/gpu_check_parts.py \
	    tests/algorithms/gan_divided.py tests/engine/suites/scripts.py

# make lint            format, lint, imports, types
lint: $(VENV)/lint-installed
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m mypy

# make fuzz            read thousands of damaged files and images of all sizes
fuzz: setup
	$(BIN)/python -m nose -s tests/fuzz_headers.py

# make coverage        the share of lines that the tests run (15 minutes)
coverage: export COVERAGE_FILE = $(CURDIR)/build/coverage
coverage: $(VENV)/lint-installed
	@mkdir -p build
	$(BIN)/python -m coverage run -m tests.run
	$(BIN)/python -m coverage combine -q
	$(BIN)/python -m coverage report --skip-covered

$(VENV)/lint-installed: $(VENV)/installed requirements-lint.txt
	$(BIN)/python -m pip --disable-pip-version-check --quiet install \
	    -r requirements-lint.txt
	@touch $@

docs: $(VENV)/docs-installed
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs
	$(BIN)/python -m sphinx -q -W --keep-going -b doctest docs build/doctest
	@echo build/docs/index.html

$(VENV)/docs-installed: $(VENV)/installed docs/requirements.txt
	$(BIN)/python -m pip --disable-pip-version-check --quiet install \
	    -r docs/requirements.txt
	@touch $@

# make dist            build the wheel and the source archive: build/dist
dist: $(VENV)/dist-installed
	rm -rf build/dist
	$(BIN)/python -m build --no-isolation --outdir build/dist
	$(BIN)/python -m twine check --strict build/dist/*

# make test-dist       install the wheel into an empty environment and try it
test-dist: dist
	$(BIN)/python -m nose tests/installed_wheel.py

$(VENV)/dist-installed: $(VENV)/installed requirements-dist.txt
	$(BIN)/python -m pip --disable-pip-version-check --quiet install \
	    -r requirements-dist.txt
	@touch $@

# make test-compiled   run the algorithms' tests on Theano's C code (10 minutes)
test-compiled: setup
	KNEEREPRO_TEST_MODE=FAST_RUN $(BIN)/python -m nose tests/algorithms

# make test-engine     compare the engine with Theano's C code; run Theano's tests
test-engine: setup
	$(BIN)/python -m tests.engine.training
	$(BIN)/python -m tests.engine.theano_suite

# make clients CHECKOUTS=folder   run public programs on the engine and on Theano
clients: setup
	$(BIN)/python -m tests.engine.clients "$(CHECKOUTS)"

# make test-distributed   compute and train on several processes (20 minutes)
test-distributed: setup
	$(BIN)/python -m nose tests/engine/several_processes.py \
	    tests/algorithms/all_divided.py \
	    tests/experiments/several_processes.py

# make benchmark       time a training step of the four networks
benchmark: setup
	$(BIN)/python benchmarks/step_time.py

# make growth          measure how time and memory of a step grow; figures in docs/
growth: setup
	@mkdir -p build
	$(BIN)/python benchmarks/growth.py --json build/growth.json
	$(BIN)/python docs/publish.py --no-runs --growth build/growth.json

# make readings        train under each reading of E17 and E21; table in docs/
readings: setup
	@mkdir -p build
	$(BIN)/python benchmarks/readings.py --json build/readings.json
	$(BIN)/python docs/publish.py --no-runs --readings build/readings.json

# make scaling         measure and estimate what several processes cost; tables in docs/
scaling: setup
	@mkdir -p build
	$(BIN)/python benchmarks/distributed_overhead.py \
	    --json build/distributed_overhead.json
	$(BIN)/python benchmarks/distributed_cost.py \
	    --json build/distributed_cost.json
	$(BIN)/python docs/publish.py --no-runs \
	    --distributed-overhead build/distributed_overhead.json \
	    --distributed-cost build/distributed_cost.json

# make gpu-check       do all that needs a GPU: equality, tests, times
gpu-check: setup
	@mkdir -p build
	$(BIN)/python benchmarks/gpu_check.py --json build/gpu_check.json \
	    --report build/gpu_check.rst

# make numbers         train, measure, and write the results into docs/
numbers: setup
	@mkdir -p build
	$(BIN)/python experiments/thesis.py
	$(BIN)/python benchmarks/step_time.py cae2d cae3d --json build/caes.json
	$(BIN)/python benchmarks/step_time.py dcgan wgan_gp --batch-size 32 \
	    --json build/gans.json
	$(BIN)/python benchmarks/step_time.py resnet unet3d \
	    --json build/others.json
	$(BIN)/python benchmarks/growth.py --json build/growth.json
	$(BIN)/python benchmarks/precision.py --json build/precision.json
	$(BIN)/python benchmarks/readings.py --json build/readings.json
	$(BIN)/python docs/publish.py --readings build/readings.json \
	    --growth build/growth.json \
	    --steps build/caes.json build/gans.json build/others.json \
	    --precision build/precision.json

# make pictures        draw what docs/commands.rst shows, from the newest runs
pictures: setup
	$(BIN)/python docs/command_pictures.py

# make clean           remove the virtual environments and build/
clean:
	rm -rf .venv .venv-* build *.egg-info
