# make test      what a change must pass: format, lints, all tests of the workspace
# make interop   the phone against Asterisk, SIPp and scripted peers, with real sound
# make browser   the page in headless Chromium, and all examples of the documentation
# make long-call a call of ten minutes with a peer whose clock is off
# make sim       SEEDS=n simulated worlds (10,000), or the world SEED=x alone with all that happens in it
# make fuzz      each fuzzer in turn, for TIME=n seconds (3600) each; make fuzz-sip and so on: one of them
# make deny      what the dependencies may be: licences, sources, no async runtime
# make bench-counts  the instructions that parser, printer, call control and sound take (1 min)
# make bench-flood   how long programs wait for replies in a call, without and in a flood of noise (1 min)
# make bench-rest    which threads wake at rest, and the memory that the phone has to itself (3 min)
# make bench     the phone, as built for a device, beside baresip and pjsua: a table, and target/bench.json (50 min)
# make run       the phone and an exchange to call, with a configuration of their own in ./run
#
# Each installs what it lacks (Debian packages, parts of the Rust toolchain) and says how long its steps took.

.PHONY: test interop browser long-call sim fuzz fuzz-tools deny bench bench-counts bench-flood bench-rest run
.SILENT:

# Runs a command, and says how long it took: $(call step,NAME,COMMAND).
step = began=$$(date +%s); $(2); status=$$?; echo "=== $(1): $$(($$(date +%s) - began)) s"; exit $$status

BUILD_PACKAGES = gcc libc6-dev libasound2-dev pkg-config

test:
	$(call step,packages,sh tests/lab/packages.sh $(BUILD_PACKAGES))
	$(call step,toolchain,cargo fmt --version && cargo clippy --version || rustup component add rustfmt clippy)
	$(call step,format,cargo fmt --all --check)
	$(call step,lints,cargo clippy --workspace --all-targets --locked -- -D warnings)
	$(call step,firmware,cargo clippy --no-default-features --locked -- -D warnings)
	$(call step,tests,cargo test --workspace --locked)

interop:
	$(call step,packages,sh tests/lab/packages.sh $(BUILD_PACKAGES))
	$(call step,lab,sh tests/lab/install.sh lab)
	$(call step,chromium,sh tests/browser/install.sh)
	$(call step,phone,cargo build --release --locked)
	$(call step,stories,sh tests/interop/run)

browser:
	$(call step,packages,sh tests/lab/packages.sh $(BUILD_PACKAGES))
	$(call step,chromium,sh tests/browser/install.sh)
	$(call step,phone,cargo build --release --locked)
	$(call step,stories,sh tests/browser/run)

long-call:
	$(call step,packages,sh tests/lab/packages.sh $(BUILD_PACKAGES))
	$(call step,lab,sh tests/lab/install.sh lab)
	$(call step,phone,cargo build --release --locked)
	$(call step,call,sh tests/interop/run -m long)

SEEDS ?= 10000

sim:
	$(call step,worlds,SEEDS=$(SEEDS) cargo test --locked --quiet -p phone --test sim every_promise -- --nocapture)

TIME ?= 3600

fuzz: fuzz-sip fuzz-sdp fuzz-rtp fuzz-rtcp fuzz-dns fuzz-head fuzz-json fuzz-phone

fuzz-%: fuzz-tools
	mkdir -p tests/fuzz/corpus/$*
	$(call step,$*,cargo +nightly fuzz run --fuzz-dir tests/fuzz $* tests/fuzz/corpus/$* tests/fuzz/examples/$* \
		-- -max_total_time=$(TIME))

fuzz-tools:
	$(call step,cargo-fuzz,cargo fuzz --version || cargo install --locked cargo-fuzz)
	$(call step,nightly,rustup toolchain install nightly --profile minimal)
	$(call step,examples,cargo run --locked --quiet -p mutations --example write)

deny:
	$(call step,cargo-deny,cargo deny --version || cargo install --locked cargo-deny)
	$(call step,dependencies,cargo deny --workspace check bans licenses sources)

# Measurements are tests that don't run by themselves.
measure = cargo test --release --locked --quiet --test phone -- --ignored --nocapture $(1)

bench:
	$(call step,packages,sh tests/lab/packages.sh $(BUILD_PACKAGES))
	$(call step,lab,sh tests/lab/install.sh lab peers)
	$(call step,phone,cargo build --release --locked --no-default-features)
	$(call step,measurements,sh tests/bench/run)

bench-counts:
	$(call step,packages,sh tests/lab/packages.sh $(BUILD_PACKAGES) valgrind)
	$(call step,program,cargo build --release --locked --package phone --example counts)
	$(call step,counts,sh tests/bench/counts)

bench-flood:
	$(call measure,delay_of_replies_in_a_flood)

bench-rest:
	$(call measure,a_minute_of_rest)

run:
	sh tests/lab/packages.sh $(BUILD_PACKAGES)
	cargo run --release --locked -- demo
