# `make help` lists the commands. Missing tools are downloaded into .tools/, which git ignores.

# The folder for build output.
TARGET := $(or $(CARGO_TARGET_DIR),target)
CARGO := cargo
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo up test lint fuzz soak soak-cluster bench openapi fmt build-demo nats-server

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build-demo ## provision 1,000 invented people through all services, and check the result
	@$(TARGET)/debug/usher-demo run --usher $(TARGET)/debug/usher

up: build-demo ## run the demo with 100 people, and keep it running until Ctrl-C
	@$(TARGET)/debug/usher-demo run --usher $(TARGET)/debug/usher --people 100 --keep

test: nats-server lint fuzz ## run all checks and tests of CI; ends with the test runner's summary
	@tools/fetch-interop
	@tools/need-nextest
	$(CARGO) nextest run --workspace --locked

lint: ## check formatting, lints, licences, advisories and the OpenAPI documents
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@tools/check-dependencies
	@tools/check-openapi

# The time for each fuzz target, in seconds.
FUZZ_SECONDS := 15

fuzz: ## fuzz the parsers of expressions, policies, exports and SCIM, FUZZ_SECONDS each
	@tools/fuzz $(FUZZ_SECONDS)

soak: ## compare random histories with docs/employment.md until Ctrl-C or a difference
	@tools/soak

soak-cluster: ## kill and pause every part of a cluster 100 times per run, with new seeds until Ctrl-C or a failure
	@tools/soak-cluster

bench: nats-server ## measure the figures of docs/benchmarks.md (optimised build; takes minutes)
	$(CARGO) build --release --locked -p usher --bin usher
	USHER_NATS_SERVER=$(CURDIR)/.tools/bin/nats-server $(CARGO) run --release --locked -p harness --bin usher-bench -- --usher $(TARGET)/release/usher
	$(CARGO) bench --locked -p policy --bench decide
	$(CARGO) bench --locked -p mapper --bench plan

openapi: ## rewrite docs/openapi/*.json from the code
	UPDATE_OPENAPI=1 $(CARGO) nextest run --workspace --locked -E 'test(/openapi/)'

fmt: ## format the code
	$(CARGO) fmt --all

build-demo: nats-server
	$(CARGO) build --locked -p usher -p harness --bin usher --bin usher-demo

nats-server: ## download the broker into .tools/
	@tools/fetch-nats-server > /dev/null
