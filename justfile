# The two that a newcomer needs: `just demo` and `just test`.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Guests are linked by the component linker that comes with the toolchain.
export PATH := `rustc --print sysroot` + "/lib/rustlib/" + `rustc -vV | sed -n 's/^host: //p'` + "/bin:" + env("PATH")

guests := "-p abaca-driver-directory -p abaca-driver-dummy -p abaca-guest-minimal -p abaca-guest-hostile"

# What there is.
default:
    @just --list --unsorted

# Installs what the rest needs and is missing: the wasm target and the test runner.
setup:
    rustup target list --installed | grep -qx wasm32-unknown-unknown || rustup target add wasm32-unknown-unknown
    cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest

# Builds the drivers and the guests of the tests, as components.
components: setup
    cargo build --locked {{ guests }} --target wasm32-unknown-unknown --profile component

# Builds everything.
build: components
    cargo build --locked --workspace --exclude 'abaca-driver-*' --exclude 'abaca-guest-*'

# Runs the main job in a temporary directory: what is asked, what the policy answers.
demo: build
    tests/demo.sh

# Runs all tests.
test: build
    cargo nextest run --locked --workspace
    cargo test --locked --doc --workspace

# What a change must pass before it lands, beside the tests.
lint: components
    cargo fmt --all --check
    cargo clippy --locked --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --locked --workspace --no-deps --document-private-items

# Licences, advisories and doubled dependencies. Needs the advisory database, so a network.
audit:
    cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
    cargo deny check

# The part of `audit` that needs no network, and the version floors of the engine.
licences:
    cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
    cargo deny check licenses bans sources
