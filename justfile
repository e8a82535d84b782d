# The two that a newcomer needs: `just demo` and `just test`.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Guests are linked by the component linker that comes with the toolchain.
export PATH := `rustc --print sysroot` + "/lib/rustlib/" + `rustc -vV | sed -n 's/^host: //p'` + "/bin:" + env("PATH")

guests := "-p abaca-driver-btrfs -p abaca-driver-directory -p abaca-driver-dummy -p abaca-driver-image -p abaca-driver-lvm -p abaca-driver-zfs -p abaca-guest-minimal -p abaca-guest-hostile -p abaca-guest-obedient"

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

# Runs all tests. `just hostile` runs the corpus once more as an ordinary user.
test: build
    cargo nextest run --locked --workspace
    cargo test --locked --doc --workspace

# Runs the tests on real storage alone, and says what they skipped and why.
test-storage: build
    cargo nextest run --locked --workspace --success-output immediate -E 'test(/^storage::/)'

# What is kept in tests/data/transcripts has `/srv` for `/tmp`, which keeps the columns of what programs print.
# Records what the drivers btrfs and zfs do on real storage, as root: transcripts into target/recorded.
record: build
    rm -rf target/recorded; mkdir -p target/recorded
    ABACA_RECORD_TESTS="$PWD/target/recorded" cargo nextest run --locked --workspace \
        -E 'test(/^storage::(btrfs|zfs)::/) and not test(/faults|kill|trouble/)'

# Kills the runtime, the broker and the NFS server at random moments of so many lives of shares.
test-kills lives="100" seed="6": build
    ABACA_KILLS={{ lives }} ABACA_KILLS_SEED={{ seed }} cargo nextest run --locked --workspace --no-capture -E 'test(whoever_is_killed)'

# Runs the driver `lvm` on real LVM, in a guest with Debian 13's kernel; some minutes without KVM. Then
# what it asked for there is put beside its policy.
test-lvm: build
    rm -f target/lvm-guest/audit*.jsonl
    tests/lvm/run.sh
    if [ -e target/lvm-guest/audit.jsonl ]; then ABACA_LVM_AUDIT="$PWD/target/lvm-guest/audit.jsonl" \
        cargo nextest run --locked --workspace -E 'test(/^storage::lvm::/)'; fi

# Who the corpus runs as a second time, when it runs as root: nobody, in most systems.
ordinary := "65534"
corpus := "'binary_id(abaca-tests::abaca) and test(/^hostile::/)'"

# Runs the hostile corpus; as root, once more as an ordinary user.
hostile: build
    cargo nextest run --locked --workspace -E {{ corpus }}
    if [ "$(id -u)" = 0 ]; then {{ just_executable() }} ordinary; fi

[private]
ordinary:
    setpriv --reuid={{ ordinary }} --regid={{ ordinary }} --clear-groups test -x target/debug/abaca || { \
        echo "the user {{ ordinary }} cannot reach $PWD/target/debug/abaca: check out where others may read" >&2; \
        exit 1; }
    install -d -m 0700 -o {{ ordinary }} -g {{ ordinary }} target/tmp/compiled-{{ ordinary }}
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="setpriv --reuid={{ ordinary }} --regid={{ ordinary }} --clear-groups --" \
        cargo nextest run --locked --workspace -E {{ corpus }}

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

# The fuzz targets, and of which features: the engine takes minutes to build.
fuzz-targets := "policy matcher covers protocol"
fuzz-targets-of-the-engine := "loader door"

# What is found beside the kept corpora stays in the target directory.
# Throws some seconds of made-up input at each fuzz target, and fails where one fails.
fuzz-smoke seconds="5": build
    cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
    for target in {{ fuzz-targets }}; do just fuzz-one "$target" {{ seconds }}; done
    for target in {{ fuzz-targets-of-the-engine }}; do just fuzz-one "$target" {{ seconds }} --features engine; done

# Runs one fuzz target for so many seconds.
fuzz-one target seconds *features:
    mkdir -p target/fuzz/corpus/{{ target }} tests/fuzz/corpus/{{ target }}
    cargo fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz --sanitizer none --dev {{ features }} {{ target }} target/fuzz/corpus/{{ target }} tests/fuzz/corpus/{{ target }} -- -max_total_time={{ seconds }} -timeout=60
