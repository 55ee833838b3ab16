#!/usr/bin/env bash
# Limits of writable layers by project quotas, on real xfs and ext4. For a machine whose kernel has them: tools/guest.sh tools/guest/quota.sh
# Needs mkfs.ext4, mkfs.xfs, xfs_quota. STRATA is the program; else the one that ./build made.
set -euo pipefail
strata=${STRATA:-artifacts/bin/strata}
work=$(mktemp -d /tmp/quota.XXXXXX)
checks=0
failed() { echo "FAILED: $*" >&2; exit 1; }
ok() { checks=$((checks + 1)); echo "ok: $*"; }
mkdir -p "$work/base/etc"; echo base > "$work/base/etc/issue"; head -c 8M /dev/urandom > "$work/base/big"
full() { grep -qE 'No space left|quota exceeded' "$work/error"; }

for type in xfs ext4; do
  mnt=$work/$type; mkdir "$mnt"
  truncate -s 600M "$work/$type.img"
  case $type in
    xfs) mkfs.xfs -q "$work/xfs.img" ;;
    ext4) mkfs.ext4 -q -O project,quota -E lazy_itable_init=1,lazy_journal_init=1 "$work/ext4.img" ;;
  esac

  mount -o loop "$work/$type.img" "$mnt"
  run() { "$strata" --root "$mnt/store" --driver overlay "$@"; }
  run import "$work/base" -t base > /dev/null
  run status | grep -q 'Size limits: no project quotas: .*prjquota' || failed "$type without prjquota: status"
  if run create box --from base --storage-opt size=20m 2> "$work/error"; then failed "$type without prjquota: not refused"; fi
  grep -q 'prjquota' "$work/error" || failed "$type without prjquota: $(cat "$work/error")"
  [ "$(run status | sed -n 's/^writable layers: //p')" = 0 ] || failed "$type: a refused layer stayed"
  ok "$type without prjquota refuses, and says what would mend it"
  umount "$mnt"

  mount -o loop,prjquota "$work/$type.img" "$mnt"
  run status | grep -q 'Size limits: project quotas' || failed "$type: status: $(run status)"
  "$strata" --root "$mnt/store" info | grep -q 'size limits: project quotas' || failed "$type: info"
  run create box --from base --storage-opt size=20m --storage-opt inodes=100 > /dev/null
  run create other --from base --storage-opt size=10m > /dev/null
  run create free --from base > /dev/null
  box=$(run mount box)
  [ "$(df --output=size -B1M "$box" | tail -1 | tr -d ' ')" = 20 ] || failed "$type: df shows $(df "$box" | tail -1)"
  ok "$type: df inside a layer shows its limit"
  head -c 15M /dev/zero > "$box/fits"
  if head -c 10M /dev/zero > "$box/too-much" 2> "$work/error"; then sync -f "$box" 2>> "$work/error" && failed "$type: 25 MB fit into 20"; fi
  full || failed "$type: $(cat "$work/error")"
  [ "$(stat -c %s "$box/fits")" = $((15 << 20)) ] || failed "$type: what fit is gone"
  ok "$type: size is enforced: $(tail -1 "$work/error")"
  rm "$box/too-much" "$box/fits"; sync
  head -c 15M /dev/zero > "$box/again" || failed "$type: freed space can't be used"
  rm "$box/again"
  if (for i in $(seq 120); do : > "$box/f$i" || exit 1; done) 2> "$work/error"; then failed "$type: 120 files fit into 100"; fi
  full || failed "$type: $(cat "$work/error")"
  ok "$type: inodes are enforced: $(tail -1 "$work/error")"
  run changes box | grep -q 'A /f1$' || failed "$type: changes of a full layer"
  rm -f "$box"/f*

  free=$(run mount free); head -c 30M /dev/zero > "$free/file" || failed "$type: a layer without a limit is limited"
  other=$(run mount other)
  if head -c 12M /dev/zero > "$other/file" 2> "$work/error"; then sync -f "$other" 2>> "$work/error" && failed "$type: 12 MB fit into 10"; fi
  full || failed "$type: $(cat "$work/error")"
  # A file of the image that is changed is copied up whole, and counts.
  rm -f "$other/file"; sync; echo x >> "$other/big" || failed "$type: 8 MB do not fit into 10"
  if head -c 4M /dev/zero > "$other/file" 2> "$work/error"; then sync -f "$other" 2>> "$work/error" && failed "$type: what was copied up does not count"; fi
  ok "$type: each layer has a limit of its own, or none"

  run umount free; run umount other; run umount box
  umount "$mnt"; mount -o loop,prjquota "$work/$type.img" "$mnt"   # as after a restart of the machine
  box=$(run mount box)
  if head -c 25M /dev/zero > "$box/file" 2> "$work/error"; then sync -f "$box" 2>> "$work/error" && failed "$type: the limit is forgotten after a restart"; fi
  full || failed "$type: $(cat "$work/error")"
  run umount box
  ok "$type: the limit is found again after a restart"

  projects() { xfs_quota -x -f -c 'report -p -n -N -b' "$mnt" | awk '$1 ~ /^#/ && $1 != "#0" && ($2 > 0 || $4 > 0)' | wc -l; }
  [ "$(projects)" = 2 ] || failed "$type: $(xfs_quota -x -f -c 'report -p -n' "$mnt")"
  run rm --wait box other free; sync # in the background, what the files still use would stay charged for a moment
  [ "$(projects)" = 0 ] || failed "$type: left behind: $(xfs_quota -x -f -c 'report -p -n' "$mnt")"
  ok "$type: removing layers forgets their projects"

  for wrong in size=0 size=much inodes=0 inodes=-1 backing=tape colour=red; do
    if run create box --from base --storage-opt "$wrong" 2> /dev/null; then failed "$type: $wrong is taken"; fi
  done
  ok "$type: wrong options are refused"

  vfs() { "$strata" --root "$mnt/vfs" --driver vfs "$@"; }
  vfs import "$work/base" -t base > /dev/null
  if vfs create small --from base --storage-opt size=4m 2> "$work/error" && [ "$type" = xfs ]; then failed "$type: 8 MB of an image fit into 4 with vfs"; fi
  vfs create box --from base --storage-opt size=20m > /dev/null
  [ "$type" = ext4 ] || ! head -c 25M /dev/zero > "$(vfs mount box)/file" 2> "$work/error" || failed "$type: vfs: no limit"
  ok "$type: vfs"

  # Whoever gave the root to a project has settled it.
  chattr -p 4711 +P "$mnt/store/overlay" 2> /dev/null || xfs_quota -x -f -c "project -s -p $mnt/store/overlay 4711" "$mnt" > /dev/null
  if run create box --from base --storage-opt size=20m 2> "$work/error"; then failed "$type: a project in a project"; fi
  grep -q 4711 "$work/error" || failed "$type: $(cat "$work/error")"
  ok "$type: a root that belongs to a project is told"
  umount "$mnt"; rm "$work/$type.img"
done
echo "$checks checks passed"
