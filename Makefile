# `make help` lists what can be done. Everything that is missing is fetched into .tools/ (ignored by git).

# Where cargo puts what it builds.
TARGET := $(or $(CARGO_TARGET_DIR),target)
CARGO := cargo
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo up test lint fuzz soak soak-cluster bench openapi fmt build-demo nats-server

help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build-demo ## run 1,000 made-up people through the real thing, and check the outcome
	@$(TARGET)/debug/usher-demo run --usher $(TARGET)/debug/usher

up: build-demo ## the same with 100 people, and keep it running to play with, until Ctrl-C
	@$(TARGET)/debug/usher-demo run --usher $(TARGET)/debug/usher --people 100 --keep

test: nats-server lint fuzz ## everything that CI runs; ends with the test runner's summary
	@tools/fetch-interop
	@tools/need-nextest
	$(CARGO) nextest run --workspace --locked

lint: ## formatting, lints, licences and advisories
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@tools/check-dependencies

# Seconds for each fuzz target.
FUZZ_SECONDS := 15

fuzz: ## fuzz what reads expressions, policies, exports and SCIM, FUZZ_SECONDS each
	@tools/fuzz $(FUZZ_SECONDS)

soak: ## compare random histories with docs/employment.md, new ones until Ctrl-C or one differs
	@tools/soak

soak-cluster: ## kill and pause every part of a cluster 100 times a run, with new seeds until Ctrl-C or one ends wrong
	@tools/soak-cluster

bench: nats-server ## figures for docs/benchmarks.md (optimised build; takes minutes)
	$(CARGO) build --release --locked -p usher --bin usher
	$(CARGO) run --release --locked -p harness --bin usher-bench -- --usher $(TARGET)/release/usher
	$(CARGO) bench --locked -p policy --bench decide
	$(CARGO) bench --locked -p mapper --bench plan

openapi: ## rewrite docs/openapi/*.json from the code
	UPDATE_OPENAPI=1 $(CARGO) nextest run --workspace --locked -E 'test(/openapi/)'

fmt: ## format the code
	$(CARGO) fmt --all

build-demo: nats-server
	$(CARGO) build --locked -p usher -p harness --bin usher --bin usher-demo

nats-server: ## fetch the broker into .tools/
	@tools/fetch-nats-server > /dev/null
