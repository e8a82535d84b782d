#!/usr/bin/env bash
# The main job, from nothing to nothing, in a temporary directory: `just demo`.
# Each step shows the command as an operator types it, and what went over the border:
# what the driver asked, and what the policy answered.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
built=$here/target
components=$built/wasm32-unknown-unknown/component
work=$(mktemp -d "${TMPDIR:-/tmp}/abaca-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
abaca() {
    printf '$ abaca %s\n' "$*"
    ABACA_LOG=warn,abaca::gate=info "$built/debug/abaca" --config "$work/abaca.toml" "$@"
}
# Where clients find a share.
location() {
    "$built/debug/abaca" --config "$work/abaca.toml" share show "$1" |
        sed -n 's/^export locations: *//p'
}
# A step that must be refused: the demo fails if it is not.
refused() {
    if abaca "$@"; then
        echo "this should have been refused" >&2
        exit 1
    fi
}

say "An operator prepares two directories, a policy and a configuration in $work"
mkdir -m 0711 "$work/shares"
mkdir -m 0700 "$work/snapshots"
sed -e "s|/srv/abaca|$work|" "$here/drivers/directory/policy.toml" >"$work/directory.policy.toml"
sed -e 's|^driver = .*|driver = "hostile"|' "$work/directory.policy.toml" >"$work/hostile.policy.toml"
cat >"$work/abaca.toml" <<TOML
schema = 1

[backends.home]
driver = "$components/abaca_driver_directory.wasm"
policy = "directory.policy.toml"
approved = false # the policy is one that we wrote ourselves

[backends.home.options]
driver_handles_share_servers = false
directory_export_root = "$work/shares"

# A driver that nobody should trust, under the same policy.
[backends.stranger]
driver = "$components/abaca_guest_hostile.wasm"
policy = "hostile.policy.toml"
approved = false

[backends.stranger.options]
driver_handles_share_servers = false
TOML
cat "$work/abaca.toml"

say "What does the driver offer, and what does it ask for?"
abaca driver inspect "$components/abaca_driver_directory.wasm"

say "Is the policy sound, and what would it say?"
abaca policy check "$work/directory.policy.toml"
abaca policy explain home -- cp --archive --reflink=auto --no-target-directory -- shares:share-1 snapshots:share-snapshot-1.partial
refused policy explain home -- cp --archive --reflink=auto --no-target-directory -- shares:../etc snapshots:share-snapshot-1.partial

say "Can the backend work?"
abaca backend check home

say "A share of 2 GiB, and data in it"
abaca share create papers --size 2 --backend home
papers=$(location papers)
printf 'the first version\n' >"$papers/letter"
head -c 1048576 /dev/urandom >"$papers/data"
ls -l "$papers"

say "Larger, then a snapshot, then the data changes"
abaca share extend papers --size 3
abaca snapshot create papers before
printf 'the second version\n' >"$papers/letter"

say "A new share from the snapshot has the old content"
abaca share create old-papers --from-snapshot before
old=$(location old-papers)
cmp "$papers/data" "$old/data"
diff "$papers/letter" "$old/letter" || true

say "Who may use it"
abaca access allow papers user everyone --level ro
abaca access list papers
abaca access deny papers user everyone

say "Shrinking below what is used is refused, and nothing is lost"
# A sparse file takes no room; this one takes 1.2 GiB without being written.
fallocate -l 1200M "$papers/film" 2>/dev/null || head -c 1258291200 /dev/zero >"$papers/film"
refused share shrink papers --size 1
cmp "$papers/data" "$old/data"
rm "$papers/film"
abaca share shrink papers --size 1

say "Two things that a driver should not ask for"
refused share create x --size 1 --backend stranger --metadata attack=insist \
    --metadata argument-1=cat --metadata argument-2=/etc/shadow
refused share create y --size 1 --backend stranger --metadata attack=insist \
    --metadata argument-1=du --metadata argument-2=--summarize --metadata argument-3=--block-size=1 \
    --metadata argument-4=--one-file-system --metadata argument-5=-- --metadata argument-6=shares:../../etc

say "What there is, and then nothing"
abaca share list
abaca share delete old-papers
abaca snapshot delete before
abaca share delete papers
abaca share delete x
abaca share delete y
abaca share list
ls -A "$work/shares" "$work/snapshots"

say "Every decision was written down. The denial and the end of the call before last:"
grep '"denied"' "$work/state/stranger/audit.jsonl" | head -n 1
tail -n 1 "$work/state/home/audit.jsonl"
say "Done"
