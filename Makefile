# What people do with Lodge, in one word each. `make help` lists it. The build itself is CMake's (CMakePresets.json).
JOBS ?= $(shell nproc)
NICE ?= nice
export PORT

.PHONY: help run test build bench fuzz clean setup
help: ## what there is
	@sed -n 's/^\([a-z%-]*\):.*## */  make \1\t/p' Makefile | sed 's/bench-%/bench-NAME/' | expand -t 24

setup: ## install what is missing to build and run (Debian 12 and 13)
	@packaging/setup.sh run

build: setup ## build the programs into build/release/bin
	@cmake --preset release >/dev/null
	@$(NICE) cmake --build --preset release --target programs -j $(JOBS)

run: build ## build and serve desktops here until Ctrl-C; PORT=3390 for another port
	@packaging/run.sh

test: ## everything that must hold: unit, sanitizer, fuzz and system tests, and the gates
	@packaging/setup.sh test
	@.ci/build-all $(JOBS)
	@.ci/test-all $(JOBS)

fuzz: ## run every fuzzer for FUZZ_SECONDS (60) each
	@packaging/setup.sh test
	@.ci/fuzz-all $(JOBS)

bench: bench-path bench-xserver bench-smss bench-broker bench-neighbours bench-audio ## all benchmarks

bench-%: build ## one benchmark: path, xserver, smss, broker, neighbours, audio
	@packaging/setup.sh bench
	@tests/bench/bench-$*

clean: ## remove what was built
	rm -rf build
