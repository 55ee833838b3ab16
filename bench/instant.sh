# Parts of run.sh about layers that stay tars (the erofs driver): against tar, the other engines, and the overlay driver. Sourced by run.sh.
EROFS=("$STRATA" --root "$WORK/instant" --driver erofs); OVER=("$STRATA" --root "$WORK/unpacked" --driver overlay)
instant_clean() { rm -rf "$WORK/instant" "$WORK/unpacked"; sync -f "$WORK"; }
cold() { sync; echo 3 > /proc/sys/vm/drop_caches; }
cat > "$RUN/gz-sync.sh" <<SH
igzip -dc "\$1" > "$WORK/one.tar" && sync -f "$WORK/one.tar"
SH
part_instant_apply() {
  local gz=$L/smallfiles.tar.gz r
  instant_clean
  for r in $(seq "$ROUNDS"); do
    warm "$gz"
    rest; measure instant-apply "igzip > file + sync" "$r" -- sh "$RUN/gz-sync.sh" "$gz"; rm -f "$WORK/one.tar"
    rest; measure instant-apply strata "$r" -- "${EROFS[@]}" apply "$gz"; instant_clean
    fresh "$X"; rest; measure instant-apply "igzip|tar+sync" "$r" -- bash "$RUN/tar-sync.sh" "$gz"
    [ "$r" = 1 ] && du -s --block-size=1 "$X" | awk '{print "unpacked tree: " $1 " bytes on disk"}' > "$RES/disk.txt"
    rest; measure remove-smallfiles "rm -rf" "$r" -- rm -rf "$X"
    "${EROFS[@]}" apply "$gz" > "$RUN/layer" && rest
    [ "$r" = 1 ] && du -s --block-size=1 "$WORK/instant/erofs" | awk '{print "erofs driver: " $1 " bytes on disk"}' >> "$RES/disk.txt"
    measure remove-smallfiles strata "$r" -- "${EROFS[@]}" rm "$(cat "$RUN/layer")"; instant_clean
  done
  cat "$RES/disk.txt"
}
part_instant_load() { # PEERS=1: the other engines, too
  local image one oci r
  [ -n "${NO_PEERS:-}" ] || { start_dockerd || return; ctr_clean; dock_clean; pod_clean; }
  instant_clean
  for r in $(seq "$ROUNDS"); do for image in ${IMAGES:-deep multi}; do
    one=$OCI/$image-gzip.tar; oci=$OCI/$image-gzip; warm "$one"
    rest; measure "instant-load-$image" strata "$r" -- "${EROFS[@]}" load "$one"; instant_clean
    rest; measure "instant-load-$image" "strata overlay" "$r" -- "${OVER[@]}" load "$one"; instant_clean
    [ -n "${NO_PEERS:-}" ] && continue
    rest; measure "instant-load-$image" containerd "$r" "$RUN/containerd.pid" -- sh "$RUN/ctr-load.sh" "$one"; ctr_clean
    rest; measure "instant-load-$image" docker "$r" "$RUN/docker.pid" -- docker load -q -i "$one"; dock_clean
    rest; measure "instant-load-$image" skopeo "$r" -- skopeo --insecure-policy copy -q "oci:$oci:latest" "containers-storage:localhost/bench/$image:latest"; pod_clean
  done; done
}
part_instant_life() {
  instant_clean; "${EROFS[@]}" load "$OCI/deep-gzip.tar" > /dev/null && "${EROFS[@]}" load "$OCI/debian-gzip.tar" > /dev/null || return; rest
  "$BENCH" depth "$WORK/instant" bench/deep bench/debian "${N:-200}" >> "$TSV"; instant_clean
}
# find and read, cold and warm, over mounts of both drivers
part_instant_use() {
  local image r e o
  instant_clean
  for image in deep multi; do
    "${EROFS[@]}" load "$OCI/$image-gzip.tar" > /dev/null && "${EROFS[@]}" create "$image" --from "bench/$image" > /dev/null || return
    "${OVER[@]}" load "$OCI/$image-gzip.tar" > /dev/null && "${OVER[@]}" create "$image" --from "bench/$image" > /dev/null || return
    e=$("${EROFS[@]}" mount "$image"); o=$("${OVER[@]}" mount "$image")
    for r in $(seq "$ROUNDS"); do
      cold; measure "find-cold-$image" strata "$r" -- find "$e" -printf '%p %m %U %G %s %T@\n'
      cold; measure "find-cold-$image" "strata overlay" "$r" -- find "$o" -printf '%p %m %U %G %s %T@\n'
      find "$e" -printf '%s' > /dev/null; measure "find-warm-$image" strata "$r" -- find "$e" -printf '%p %m %U %G %s %T@\n'
      find "$o" -printf '%s' > /dev/null; measure "find-warm-$image" "strata overlay" "$r" -- find "$o" -printf '%p %m %U %G %s %T@\n'
      cold; measure "read-cold-$image" strata "$r" -- sh -c "tar -cf - -C '$e' . | cat > /dev/null"
      measure "read-warm-$image" strata "$r" -- sh -c "tar -cf - -C '$e' . | cat > /dev/null"
      cold; measure "read-cold-$image" "strata overlay" "$r" -- sh -c "tar -cf - -C '$o' . | cat > /dev/null"
      measure "read-warm-$image" "strata overlay" "$r" -- sh -c "tar -cf - -C '$o' . | cat > /dev/null"
    done
    "${EROFS[@]}" umount "$image" > /dev/null; "${OVER[@]}" umount "$image" > /dev/null
  done
  instant_clean
}
part_instant_memory() {
  instant_clean
  measure instant-memory-smallfiles strata 1 -- "${EROFS[@]}" apply "$L/smallfiles.tar.gz"; instant_clean
  measure instant-memory-million strata 1 -- sh -c "'$H/many-entries.py' 1000000 | '$STRATA' --root '$WORK/instant' --driver erofs apply"; instant_clean
}
