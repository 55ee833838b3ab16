#!/usr/bin/env bash
# Prepare + Mounts + Remove by 16 clients over 10,000 snapshots, by gRPC and one client: containerd's overlayfs snapshotter, ours behind the same containerd, and ours alone, in turns.
# Also: the daemon's memory when idle afterwards, and from its start to its first answer. Each on a fresh ext4 of its own (a loop file). Needs root, containerd, ./build.
# Usage: bench/snapshots.sh [DRIVER [ROUNDS [THERE [TURNS [WORKDIR]]]]]    rows as summary.py reads them, then what was asked for, in words
set -euo pipefail
cd "$(dirname "$0")/.."
driver=${1:-overlay} rounds=${2:-5} there=${3:-10000} turns=${4:-100} work=$(mktemp -d "${5:-/var/tmp}/strata-bench-XXXXXX") disk=''
bin=${STRATA_BIN:-artifacts/bin}
stratad_id='' containerd_id=''
stop() { [ -z "$1" ] || { kill "$1" 2>/dev/null && wait "$1" 2>/dev/null || true; }; }
finish() {
  stop "$containerd_id"; stop "$stratad_id"
  findmnt -rno TARGET | { grep "^$work/" || true; } | sort -r | xargs -r -n1 umount
  case $work in */strata-bench-*) rm -rf --one-file-system "$work" ;; esac
}
trap finish EXIT
disk=$work/disk; mkdir "$disk"
truncate -s 4G "$work/disk.img"
mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 -N 400000 "$work/disk.img"
loop=$(losetup -f --show --direct-io=on "$work/disk.img")
mount "$loop" "$disk"; losetup -d "$loop" # detached by itself at umount
cat > "$work/config.toml" <<T
version = 2
root = "$disk/root"
state = "$work/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.btrfs"]
[grpc]
  address = "$work/c.sock"
[proxy_plugins.strata]
  type = "snapshot"
  address = "$work/s.sock"
T
start_stratad() {
  "$bin/stratad" serve --root "$disk/store" --driver "$driver" --containerd-socket "$work/s.sock" > "$work/stratad.log" 2>&1 &
  stratad_id=$!
}
dotnet build bench/Strata.Bench -c Release --nologo -v quiet
bench() { dotnet artifacts/bin/Strata.Bench/release/Strata.Bench.dll "$@"; }
start_stratad
containerd --config "$work/config.toml" > "$work/containerd.log" 2>&1 & containerd_id=$!
until ctr -a "$work/c.sock" version > /dev/null 2>&1; do kill -0 "$containerd_id"; sleep 0.1; done
bench fill "$work/c.sock" overlayfs "$there"
bench fill "$work/c.sock" strata "$there"
for round in $(seq "$rounds"); do
  bench snapshots "$work/c.sock" overlayfs 16 "$turns" "$round"
  bench snapshots "$work/c.sock" strata 16 "$turns" "$round"
  bench snapshots "$work/s.sock" alone 16 "$turns" "$round"
done | tee "$work/rows.tsv"
echo
awk -F'\t' '{ n[$2]++; v[$2, n[$2]] = $4 } END { for (p in n) { for (i = 1; i <= n[p]; i++) a[i] = v[p, i]; c = asort_(a, n[p]); printf "%-10s median of %d rounds: %.2f ms\n", p, n[p], 1000 * a[int((n[p] + 1) / 2)] } }
  function asort_(a, n,   i, j, t) { for (i = 2; i <= n; i++) { t = a[i]; for (j = i - 1; j > 0 && a[j] > t; j--) a[j + 1] = a[j]; a[j + 1] = t } return n }' "$work/rows.tsv"
sleep 20 # what was held for the burst is given back when no call came for five to ten seconds; containerd itself calls on for a while
echo "idle: $(awk '/VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$stratad_id/status") MB resident"
stop "$stratad_id"
bench answer "$work/s.sock" 10 "$bin/stratad" serve --root "$disk/store" --driver "$driver" --containerd-socket "$work/s.sock"
stratad_id=''
