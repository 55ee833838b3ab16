# Parts of run.sh about the store and its doors: deep images, images that are there already, pulling, importing through containerd. Sourced by run.sh.
# store_deep: against umoci, which writes one tree and no store, and skopeo
part_store_deep() {
  local one=$OCI/deep-gzip.tar oci=$OCI/deep-gzip r
  instant_clean; pod_clean
  for r in $(seq "$ROUNDS"); do
    warm "$one"
    rest; measure store-deep strata "$r" -- "${EROFS[@]}" load "$one"; instant_clean
    rest; measure store-deep "strata overlay" "$r" -- "${OVER[@]}" load "$one"; instant_clean
    mkdir -p "$X"; rest; measure store-deep umoci "$r" -- umoci raw unpack --image "$oci:latest" "$X/r"; rm -rf "$X"
    [ -n "${NO_PEERS:-}" ] && continue
    rest; measure store-deep skopeo "$r" -- skopeo --insecure-policy copy -q "oci:$oci:latest" containers-storage:localhost/bench/deep:latest; pod_clean
  done
}
# store_again: loading what is there
part_store_again() {
  local one=$OCI/multi-gzip.tar oci=$OCI/multi-gzip
  instant_clean; pod_clean
  "${EROFS[@]}" load "$one" > /dev/null && skopeo --insecure-policy copy -q "oci:$oci:latest" containers-storage:localhost/bench/multi:latest || return
  warm "$one"; rest
  "$H/paired.py" "$TSV" store-again $((ROUNDS * 11)) skopeo skopeo --insecure-policy copy -q "oci:$oci:latest" containers-storage:localhost/bench/multi:latest -- strata "${EROFS[@]}" load "$one"
  instant_clean; pod_clean
}
# store_pull: from Debian's docker-registry on loopback, in plain HTTP
part_store_pull() {
  local port=${PORT:-5077} oci=$OCI/multi-gzip name r
  name=127.0.0.1:$port/bench/multi:latest
  command -v docker-registry >/dev/null || apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends docker-registry >/dev/null || return
  mkdir -p "$WORK/registry"
  printf 'version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: %s\nhttp:\n  addr: 127.0.0.1:%s\n' "$WORK/registry" "$port" > "$RUN/registry.yml"
  # without the variable that is meant for skopeo: docker-registry takes each REGISTRY_… for a part of its configuration
  env -u REGISTRY_AUTH_FILE docker-registry serve "$RUN/registry.yml" > "$LOGS/registry.log" 2>&1 &
  echo $! > "$RUN/registry.pid"
  for _ in $(seq 200); do (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.05; done
  skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$oci:latest" "docker://$name" || { stop_pid "$RUN/registry.pid"; return; }
  [ -n "${NO_PEERS:-}" ] || { start_dockerd || return; ctr_clean; dock_clean; pod_clean; }
  instant_clean
  for r in $(seq "$ROUNDS"); do
    rest; measure store-pull strata "$r" -- "${EROFS[@]}" pull --plain-http "$name"; instant_clean
    rest; measure store-pull "strata overlay" "$r" -- "${OVER[@]}" pull --plain-http "$name"; instant_clean
    [ -n "${NO_PEERS:-}" ] && continue
    rest; measure store-pull containerd "$r" "$RUN/containerd.pid" -- ctr -a "$CTD_SOCK" images pull --plain-http "$name"; ctr_clean
    rest; measure store-pull docker "$r" "$RUN/docker.pid" -- docker pull -q "$name"; dock_clean
    rest; measure store-pull skopeo "$r" -- skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$name" containers-storage:localhost/bench/multi:latest; pod_clean
  done
  stop_pid "$RUN/registry.pid"; rm -rf "$WORK/registry"
}
# scale: 100,000 layers and 10,000 images in one store (SCALE_IMAGES, SCALE_DRIVER), what commands on it take. Filling takes some minutes.
part_scale() {
  local at=("$STRATA" --root "$WORK/scale" --driver "${SCALE_DRIVER:-erofs}") one=$OCI/many-gzip.tar r
  [ -e "$one" ] || one=$OCI/multi-gzip.tar
  rm -rf "$WORK/scale"; "$BENCH" scale-fill "$WORK/scale" "${SCALE_DRIVER:-erofs}" "${SCALE_IMAGES:-10000}" || return
  "$BENCH" scale-list "$WORK/scale" "${SCALE_DRIVER:-erofs}" 50 >> "$TSV"
  for r in $(seq "$ROUNDS"); do
    rest; measure scale "layers --limit 100" "$r" -- "${at[@]}" layers --limit 100
    measure scale "images" "$r" -- "${at[@]}" images
    measure scale "status" "$r" -- "${at[@]}" status
    measure scale "create" "$r" -- "${at[@]}" create "box$r" --from localhost/app7:1
    measure scale "rm" "$r" -- "${at[@]}" rm "box$r"
    measure scale "gc --dry-run" "$r" -- "${at[@]}" gc --dry-run
    measure scale "check" "$r" -- "${at[@]}" check
    measure scale "du" "$r" -- "${at[@]}" du
    rest; measure scale "load" "$r" -- "${at[@]}" load "$one" -t localhost/loaded:1
    measure scale "load again" "$r" -- "${at[@]}" load "$one" -t localhost/loaded:1
    "${at[@]}" rm localhost/loaded:1 --wait > /dev/null
  done
  rm -rf "$WORK/scale"
}
# import: `ctr image import` of multi and its unpacking, by containerd's overlayfs snapshotter and through our snapshotter and differ: layer by layer; two at
# once, and applied ahead; and with the layers here already, as remote snapshots. Unpacked by a client that plays containerd's unpacker (Strata.Bench unpack):
# Debian's containerd can't be told of a differ. `ctr import` is the first half alone.
part_import() {
  local one=$OCI/multi-gzip.tar oci=$OCI/multi-gzip door=$RUN/stratad.sock way r
  start_containerd || return; ctr_clean
  printf 'ctr -a "%s" images import --no-unpack "$1" && "%s" unpack "%s" "%s" "$2"\n' "$CTD_SOCK" "$BENCH" "$door" "$oci" > "$RUN/import.sh"
  for r in $(seq "$ROUNDS"); do
    warm "$one"
    [ -n "${NO_PEERS:-}" ] || { rest; measure import-multi containerd "$r" "$RUN/containerd.pid" -- sh "$RUN/ctr-load.sh" "$one"; ctr_clean; }
    rest; measure import-multi "ctr import" "$r" "$RUN/containerd.pid" -- ctr -a "$CTD_SOCK" images import --no-unpack "$one"; ctr_clean
    import_through "strata" 1 "$r"
    import_through "strata, ahead" 2 "$r" --containerd-ahead
    instant_clean; "${EROFS[@]}" load "$one" > /dev/null
    import_through "strata, layers here" 1 "$r"
  done
}
# import_through NAME LAYERS_AT_ONCE ROUND [ARGUMENT OF stratad...]
import_through() {
  local name=$1 at_once=$2 r=$3; shift 3
  "$REPO/artifacts/bin/stratad" serve --root "$WORK/instant" --driver erofs --containerd-socket "$door" --containerd-address "$CTD_SOCK" "$@" > "$LOGS/stratad.log" 2>&1 &
  echo $! > "$RUN/stratad.pid"
  for _ in $(seq 200); do grep -q 'stratad: ready' "$LOGS/stratad.log" && break; sleep 0.05; done
  rest; sleep 2; measure import-multi "$name" "$r" "$RUN/stratad.pid" -- sh "$RUN/import.sh" "$one" "$at_once"
  stop_pid "$RUN/stratad.pid"; ctr_clean
  findmnt -rno TARGET | { grep "^$WORK/instant/" || true; } | sort -r | xargs -r -n1 umount # mounts outlive the daemon
  instant_clean
}
