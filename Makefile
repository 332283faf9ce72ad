# Each target that a person calls has its one-line help after "##".
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

ARGS ?=
BENCH ?= .
BENCHCOUNT ?= 1
FUZZTIME ?= 10s
TESTFLAGS ?=

# Packages whose tests drive a browser: one at a time, for a video needs its core.
BROWSER := /internal/testenv$$|/gateway/e2e$$

LINTER := .bin/golangci-lint
MODULES := client/node_modules/.installed

# Tests that are modules of their own, for what they pull in.
NESTED := tls/acmetest

# $(call stage,name,command): says what runs and how long it took.
stage = @echo "=== $(1)"; SECONDS=0; $(2); echo "=== $(1): ok, $$SECONDS s"

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

.PHONY: run
run: ## start tandem here (ARGS="--http-addr :8080")
	go run . $(ARGS)

.PHONY: setup
setup: ## install what the tests need and this machine lacks
	$(call stage,setup,bash scripts/setup.sh)

.PHONY: test
test: setup test-client lint test-go ## run every check and test (calls setup)

.PHONY: test-client
test-client:
	$(call stage,client packages,$(MAKE) --no-print-directory $(MODULES))
	$(call stage,client types,cd client && npm run --silent check)
	$(call stage,client tests,cd client && npm test --silent)
	$(call stage,client bundle is current,cd client && npm run --silent check-dist)
	$(call stage,client size,cd client && npm run --silent check-size)

.PHONY: test-go
test-go:
	$(call stage,go vet,go vet ./...)
	$(call stage,go test,go test -race -shuffle=on -p 3 $(TESTFLAGS) $$(go list ./... | grep -v -E '$(BROWSER)'))
	$(call stage,go test in nested modules,for m in $(NESTED); do go -C $$m vet ./... && go -C $$m test -race -shuffle=on $(TESTFLAGS) ./... || exit; done)
	$(call stage,go test with browsers,go test -race -shuffle=on -p 1 $(TESTFLAGS) $$(go list ./... | grep -E '$(BROWSER)'))

.PHONY: lint
lint: ## check style and import directions with golangci-lint
	$(call stage,linter,$(MAKE) --no-print-directory $(LINTER))
	$(call stage,lint,$(LINTER) run ./...)
	$(call stage,lint of nested modules,for m in $(NESTED); do (cd $$m && $(CURDIR)/$(LINTER) run ./...) || exit; done)

.PHONY: bench
bench: ## run the benchmarks (BENCH=regexp BENCHCOUNT=n)
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCHCOUNT) ./core/... ./gateway/...

.PHONY: fuzz
fuzz: ## run every fuzz test for FUZZTIME (10s) each
	@go list ./... | while read -r package; do \
	  go test -list '^Fuzz' "$$package" | { grep '^Fuzz' || true; } | while read -r name; do \
	    echo "=== fuzz $$package $$name"; \
	    go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$package" </dev/null; \
	  done; \
	done

.PHONY: docs
docs: ## check that links between the documents lead somewhere
	$(call stage,docs,bash scripts/check-links.sh)

.PHONY: client
client: $(MODULES) ## build the client's bundle (client/dist, committed)
	cd client && npm run --silent build

$(MODULES): client/package.json client/package-lock.json
	cd client && npm ci --no-audit --no-fund
	@touch $@

# Its own module, and built rather than run by "go tool": the program's module
# graph stays small, and lint starts at once. It may take two minutes.
$(LINTER): tools/go.mod tools/go.sum
	@echo "building golangci-lint (some minutes the first time)"
	go build -C tools -buildvcs=false -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@
