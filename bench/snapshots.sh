#!/usr/bin/env bash
# Prepare + Mounts + Remove by 16 clients over 10,000 snapshots: containerd's overlayfs snapshotter, ours behind the same containerd, and ours alone, in turns.
# Also: the daemon's memory when idle, and from its start to its first answer. Needs root, containerd, ./build. Usage: bench/snapshots.sh [DRIVER [ROUNDS [THERE [TURNS]]]]
set -euo pipefail
cd "$(dirname "$0")/.."
driver=${1:-overlay} rounds=${2:-3} there=${3:-10000} turns=${4:-200}
work=$(mktemp -d /var/tmp/strata-bench-XXXXXX)
stratad_id='' containerd_id=''
finish() {
  for id in $containerd_id $stratad_id; do kill "$id" 2>/dev/null && wait "$id" 2>/dev/null || true; done
  case $work in /var/tmp/strata-bench-*) findmnt -rno TARGET | grep "^$work/" | sort -r | xargs -r -n1 umount; rm -rf --one-file-system "$work" ;; esac
}
trap finish EXIT
cat > "$work/config.toml" <<T
version = 2
root = "$work/root"
state = "$work/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$work/c.sock"
[proxy_plugins.strata]
  type = "snapshot"
  address = "$work/s.sock"
T
start_stratad() {
  artifacts/bin/stratad serve --root "$work/store" --driver "$driver" --containerd-socket "$work/s.sock" > "$work/stratad.log" 2>&1 &
  stratad_id=$!
  until grep -q 'stratad: ready' "$work/stratad.log"; do kill -0 "$stratad_id"; sleep 0.01; done
}
start_stratad
containerd --config "$work/config.toml" > "$work/containerd.log" 2>&1 & containerd_id=$!
until ctr -a "$work/c.sock" version > /dev/null 2>&1; do kill -0 "$containerd_id"; sleep 0.1; done
dotnet build bench/Strata.Bench -c Release --nologo -v quiet
bench() { dotnet artifacts/bin/Strata.Bench/release/Strata.Bench.dll snapshots "$@"; }
for round in $(seq "$rounds"); do
  bench "$work/c.sock" overlayfs 16 "$there" "$turns"
  bench "$work/c.sock" strata 16 "$there" "$turns"
done
echo "idle memory: $(awk '/VmRSS/ { print $2 }' "/proc/$stratad_id/status") KB"
kill "$stratad_id"; wait "$stratad_id" || true
begin=$(date +%s%N); start_stratad; ctr -a "$work/c.sock" -n bench snapshots --snapshotter strata info base > /dev/null
echo "start to the first answer, ctr's own start included: $((($(date +%s%N) - begin) / 1000000)) ms"
