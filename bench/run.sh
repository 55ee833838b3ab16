#!/bin/bash
# All comparisons, interleaved, one table. Usage: run.sh WORKDIR [ROUNDS [PARTS...]]   PARTS: apply load diff container naive btrfs memory start
# instant_apply instant_load instant_life instant_use instant_memory store_deep store_again store_pull import scale
set -uo pipefail
TOP=${1:?usage: $0 WORKDIR [ROUNDS [PARTS...]]}; ROUNDS=${2:-3}; shift; shift || true
PARTS=${*:-start naive btrfs container diff apply load memory instant_apply instant_load instant_life instant_use instant_memory store_deep store_again store_pull import}
H=$(cd "$(dirname "$0")" && pwd); REPO=$(cd "$H/.." && pwd)
mkdir -p "$TOP"; TOP=$(cd "$TOP" && pwd)
[ -e "$TOP/versions.txt" ] || "$H/install-peers.sh" "$TOP" || exit 1
[ -e "$TOP/inputs/inputs.txt" ] || "$H/make-inputs.sh" "$TOP" || exit 1
"$H/mkfs-work.sh" "$TOP" "$TOP/fs" || exit 1
[ -n "${NO_BUILD:-}" ] || (cd "$REPO" && ./build && dotnet build bench/Strata.Bench -c Release --nologo -v quiet) || exit 1
WORK=$TOP/fs
. "$H/lib.sh"
TSV=$RES/run.tsv; : > "$TSV"
STRATA=$REPO/artifacts/bin/strata; BENCH=$REPO/artifacts/bin/Strata.Bench/release/Strata.Bench
SR=$WORK/strata; AT=("$STRATA" --root "$SR" --driver "${DRIVER:-overlay}"); X=$WORK/x; MP=$WORK/mp; mkdir -p "$MP"
trap '"$H/stop.sh" "$WORK" >/dev/null 2>&1; mountpoint -q "$MP" && umount "$MP"' EXIT
ctr_clean() { local i; for i in $(CTR images ls -q); do CTR images rm --sync "$i" >/dev/null; done; for i in $(CTR content ls -q); do CTR content rm "$i" >/dev/null; done
  for _ in 1 2 3; do CTR snapshots ls 2>/dev/null | awk 'NR>1{print $1}' | tac | while read -r i; do CTR snapshots rm "$i" 2>/dev/null; done; done; }
dock_clean() { docker rmi -f $(docker images -q) >/dev/null 2>&1; docker image prune -af >/dev/null 2>&1; }
pod_clean() { PODMAN rmi -af >/dev/null 2>&1; }
strata_clean() { rm -rf "$SR"; sync -f "$WORK"; }
rest() { sync -f "$WORK"; sleep 1; }
cat > "$RUN/tar-sync.sh" <<SH
set -o pipefail; igzip -dc "\$1" | tar --xattrs --xattrs-include='*' --numeric-owner -xpf - -C "$X" && sync -f "$X"
SH
cat > "$RUN/ctr-load.sh" <<SH
ctr -a '$CTD_SOCK' images import --no-unpack "\$1" && ctr -a '$CTD_SOCK' snapshots unpack "\$(ctr -a '$CTD_SOCK' images ls | awk 'NR==2{print \$3}')"
SH

part_apply() {
  local gz=$L/smallfiles.tar.gz one=$OCI/smallfiles-gzip.tar oci=$OCI/smallfiles-gzip r
  [ -n "${NO_PEERS:-}" ] || { start_dockerd || return; ctr_clean; dock_clean; pod_clean; }
  strata_clean
  for r in $(seq "$ROUNDS"); do
    warm "$gz" "$one"
    fresh "$X"; rest; measure apply-smallfiles "igzip|tar+sync" "$r" -- bash "$RUN/tar-sync.sh" "$gz"; rm -rf "$X"
    strata_clean; rest; measure apply-smallfiles strata "$r" -- "${AT[@]}" apply "$gz"; strata_clean
    [ -n "${NO_PEERS:-}" ] && continue
    mkdir -p "$X"; rest; measure apply-smallfiles umoci "$r" -- umoci raw unpack --image "$oci:latest" "$X/r"; rm -rf "$X"
    rest; measure apply-smallfiles containerd "$r" "$RUN/containerd.pid" -- sh "$RUN/ctr-load.sh" "$one"; ctr_clean
    rest; measure apply-smallfiles docker "$r" "$RUN/docker.pid" -- docker load -q -i "$one"; dock_clean
    rest; measure apply-smallfiles skopeo "$r" -- skopeo --insecure-policy copy -q "oci:$oci:latest" containers-storage:localhost/bench/smallfiles:latest; pod_clean
  done
}
part_load() {
  local one=$OCI/multi-gzip.tar oci=$OCI/multi-gzip r
  start_dockerd || return; ctr_clean; dock_clean; pod_clean; strata_clean
  for r in $(seq "$ROUNDS"); do
    warm "$one"
    rest; measure load-multi strata "$r" -- "${AT[@]}" load "$one"; strata_clean
    rest; measure load-multi containerd "$r" "$RUN/containerd.pid" -- sh "$RUN/ctr-load.sh" "$one"; ctr_clean
    rest; measure load-multi docker "$r" "$RUN/docker.pid" -- docker load -q -i "$one"; dock_clean
    rest; measure load-multi skopeo "$r" -- skopeo --insecure-policy copy -q "oci:$oci:latest" containers-storage:localhost/bench/multi:latest; pod_clean
  done
}
part_diff() {
  local one=$OCI/smallfiles-gzip.tar oci=$OCI/smallfiles-gzip r u c m p
  [ -n "${NO_PEERS:-}" ] || start_dockerd || return; strata_clean
  "${AT[@]}" load "$one" >/dev/null && "${AT[@]}" create box --from bench/smallfiles >/dev/null || return
  p=$("${AT[@]}" mount box) && "$H/modify.py" "$p" 1 && "${AT[@]}" umount box || return
  for u in "$SR"/overlay/*/; do [ -e "$u/lower" ] && u=$u/diff && break; done
  rest
  "$H/paired.py" "$TSV" diff-1% 31 "tar -c upper" tar --xattrs --format=posix -cf "$WORK/o.tar" -C "$u" . -- strata "${AT[@]}" diff box -o "$WORK/o2.tar"
  "$H/paired.py" "$TSV" changes-1% 31 "tar -c upper" tar --xattrs --format=posix -cf "$WORK/o.tar" -C "$u" . -- strata "${AT[@]}" changes box
  [ -z "${NO_PEERS:-}" ] || { strata_clean; rm -f "$WORK"/o.tar "$WORK"/o2.tar; return; }
  docker image inspect bench/smallfiles >/dev/null 2>&1 || docker load -q -i "$one" >/dev/null
  PODMAN image exists localhost/bench/smallfiles || skopeo --insecure-policy copy -q "oci:$oci:latest" containers-storage:localhost/bench/smallfiles:latest
  c=$(docker create --network none bench/smallfiles); mount -t overlay overlay -o "lowerdir=$(docker inspect -f '{{.GraphDriver.Data.LowerDir}}' "$c"),upperdir=$(docker inspect -f '{{.GraphDriver.Data.UpperDir}}' "$c"),workdir=$(docker inspect -f '{{.GraphDriver.Data.WorkDir}}' "$c")" "$MP" && "$H/modify.py" "$MP" 1 >/dev/null; umount "$MP"
  m=$(PODMAN create --network none localhost/bench/smallfiles); p=$(PODMAN mount "$m") && "$H/modify.py" "$p" 1 >/dev/null; PODMAN umount "$m" >/dev/null
  for r in $(seq "$ROUNDS"); do
    rest; measure changes-1% docker "$r" "$RUN/docker.pid" -- docker diff "$c"
    rest; measure changes-1% podman "$r" -- podman --cgroup-manager cgroupfs --events-backend none diff "$m"
    rest; measure commit-1% strata "$r" -- "${AT[@]}" commit box -t "new:$r"
    rest; measure commit-1% docker "$r" "$RUN/docker.pid" -- docker commit "$c" "bench/new:$r"
    rest; measure commit-1% podman "$r" -- podman --cgroup-manager cgroupfs --events-backend none commit -q "$m" "localhost/bench/new:$r"
  done
  docker rm "$c" >/dev/null; dock_clean; PODMAN rm "$m" >/dev/null; pod_clean; strata_clean; rm -f "$WORK"/o.tar "$WORK"/o2.tar
}
part_container() {
  strata_clean; "${AT[@]}" load "$OCI/multi-gzip.tar" >/dev/null || return; rest
  "$BENCH" container "$SR" bench/multi "${N:-200}" >> "$TSV"; strata_clean
}
part_naive() {
  fresh "$WORK/a"; fresh "$WORK/b"; tar -xpf "$L/smallfiles.tar" -C "$WORK/a"; cp -a "$WORK/a/." "$WORK/b/"; "$H/modify.py" "$WORK/b" 1 >/dev/null; rest
  "$BENCH" naive "$WORK/a" "$WORK/b" "$ROUNDS" >> "$TSV"; rm -rf "$WORK/a" "$WORK/b"
}
part_btrfs() { fresh "$X"; "$BENCH" btrfs "$X" "$L/smallfiles.tar" "$H/modify.py" "$((ROUNDS * 5))" >> "$TSV"; rm -rf "$X"; }
part_memory() {
  fresh "$X"; tar -xpf "$L/smallfiles.tar" -C "$X"; strata_clean
  measure memory-1x strata 1 -- sh -c "tar -c -C '$X' . | '$STRATA' --root '$SR' --driver '${DRIVER:-overlay}' apply"
  strata_clean
  measure memory-10x strata 1 -- sh -c "{ for i in 0 1 2 3 4 5 6 7 8 9; do tar -c -b 1 --transform \"s,^,\$i/,\" -C '$X' . | head -c -1024; done; head -c 1024 /dev/zero; } | '$STRATA' --root '$SR' --driver '${DRIVER:-overlay}' apply"
  strata_clean; rm -rf "$X"
}
part_start() { "$BENCH" start "$STRATA" 200 >> "$TSV"; }
. "$H/instant.sh"
. "$H/store.sh"
for part in $PARTS; do say "$part"; "part_$part"; done
"$H/summary.py" "$TSV" | tee "$RES/table.md"
