# The front door: each verb is one line that calls a room's own command line.
UNIT ?= bfp_array
TARGET ?= ecp5
BOARD ?= ulx3s-85f
ARGS ?=
PYTHON := .venv/bin/python
BASE := sim,synth,train,report

.PHONY: demo test lint fuzz fuzz-programs deep bench train accelerate paper-bfp paper-approx paper-essop paper-sparse paper-formats verilog deliver simulate synth board docs doctor list help clean
.DEFAULT_GOAL := demo

demo: ## generate, prove on real data, synthesize and report the default design (default)
	@./setup.sh $(BASE) && $(PYTHON) -m sim demo $(ARGS)

test: ## every test
	@./setup.sh $(BASE),pnr,boards,delivery,docs,dev && $(PYTHON) -m pytest -q -n 2 --dist worksteal $(ARGS)

lint: ## ruff and pyright
	@./setup.sh $(BASE),pnr,boards,delivery,docs,dev && .venv/bin/ruff check . && .venv/bin/pyright

fuzz: ## random configurations of every unit against their models (ARGS="--count 30"; resumes)
	@./setup.sh $(BASE),pnr,boards,dev && $(PYTHON) -m tests.fuzz.configurations $(ARGS)

fuzz-programs: ## random programs of the accelerator against its model (ARGS="--count 30"; resumes)
	@./setup.sh $(BASE),pnr,boards,dev && $(PYTHON) -m tests.fuzz.programs $(ARGS)

DEEP := tests/formal tests/formats/test_quantize.py tests/boards/test_build.py tests/boards/test_noise.py \
  tests/accelerator/test_deep.py tests/delivery/test_deep.py

deep: ## proofs of larger units, more values, bitstreams of larger designs (long)
	@./setup.sh $(BASE),pnr,boards,delivery,dev && $(PYTHON) -m pytest -q -n 2 $(DEEP) --deep $(ARGS)

bench: ## ratios of speed, size and time, as JSON in build/bench.json
	@./setup.sh $(BASE),pnr,dev && $(PYTHON) -m sim bench $(ARGS)

train: ## a network in low-precision arithmetic (ARGS="--model lenet --data mnist --arith hbfp6")
	@./setup.sh $(BASE) && $(PYTHON) -m sw train -o build/train/weights.npz $(ARGS)

accelerate: ## a network trained wholly in the RTL (ARGS="--hidden 32,32 --arith hbfp8 --epochs 5")
	@./setup.sh $(BASE) && $(PYTHON) -m sim accelerate -o build/accelerate $(ARGS)

paper-bfp: ## FlexBlock and Accuracy Boosters, the papers' figures beside ours (long; resumes)
	@./setup.sh $(BASE) && $(PYTHON) -m sim paper bfp $(ARGS)

paper-approx: ## ApproxTrain, MBM and REALM, the papers' figures beside ours (long; resumes)
	@./setup.sh $(BASE),pnr && $(PYTHON) -m sim paper approx $(ARGS)

paper-essop: ## ESSOP, stochastic updates, the paper's figures beside ours (long; resumes)
	@./setup.sh $(BASE),pnr && $(PYTHON) -m sim paper essop $(ARGS)

paper-sparse: ## Procrustes, sparse training, the paper's figures beside ours (long; resumes)
	@./setup.sh $(BASE),pnr && $(PYTHON) -m sim paper sparse $(ARGS)

paper-formats: ## MX and NVFP4 beside the papers' formats: error, cost, accuracy (long; resumes)
	@./setup.sh $(BASE),pnr && $(PYTHON) -m sim paper formats $(ARGS)

verilog: ## Verilog of UNIT into build/UNIT (ARGS="--preset hbfp4 --set rows=8")
	@./setup.sh $(BASE) && $(PYTHON) -m hw verilog $(UNIT) -o build/$(UNIT) $(ARGS)

deliver: ## all that UNIT needs in a system, into build/UNIT (ARGS="--preset hbfp4 --name dot")
	@./setup.sh $(BASE) && $(PYTHON) -m hw deliver $(UNIT) $(ARGS)

simulate: ## UNIT against its model on random data (ARGS="--seed 7 --waves")
	@./setup.sh $(BASE) && $(PYTHON) -m sim run $(UNIT) $(ARGS)

synth: ## cost of UNIT on TARGET: ecp5, ice40, gowin, xilinx or gates (ARGS=--route)
	@./setup.sh $(BASE),pnr && $(PYTHON) -m hw synth $(UNIT) --target $(TARGET) -o build/$(UNIT) $(ARGS)

board: ## bitstream and report of UNIT for BOARD into build/BOARD (BOARD=icebreaker ARGS="--clock 24")
	@./setup.sh $(BASE),pnr,boards && $(PYTHON) -m boards build $(BOARD) --unit $(UNIT) $(ARGS)

list: ## the units and their presets
	@./setup.sh $(BASE) && $(PYTHON) -m hw list

docs: ## the book into build/docs
	@./setup.sh $(BASE),docs && NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build && echo build/docs/index.html

doctor: ## the tools found, and how to get what is missing
	@./setup.sh $(BASE) && $(PYTHON) -m hw doctor

help: ## these verbs
	@sed -n 's/^\([a-z-]*\): ## \(.*\)/\1\t\2/p' Makefile | expand -t 14

clean: ## remove the environment and everything built; caches stay in ~/.cache/gradgate
	rm -rf .venv build
