#!/usr/bin/env bash
# The main job, on a real image, for you to see: load, stack, mount, change, list, diff, commit, save.
# As root with real mounts (erofs where the kernel has it, else overlay); not root, in a user namespace with overlay; else with the vfs driver, which mounts nothing. Everything is below artifacts/demo.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$top"
demo=$top/artifacts/demo; root=$demo/store
"$top/tools/make-image.sh" "$demo"
./strata --version >/dev/null   # builds it, if need be
strata=artifacts/bin/strata; [ -x $strata ] || strata=artifacts/bin/Strata.Cli/release/strata
# Not root: all of it in a session of its own, if this user can have one with the IDs that images need.
if [ "$(id -u)" != 0 ] && [ -z "${STRATA_NAMESPACE:-}" ] && "$strata" --root "$demo/.new" info | grep -q '^privileged: no: in a user namespace'; then
  exec "$strata" unshare -- "$0" "$@"
fi
run() { printf '\n$ strata %s\n' "$*"; "$strata" --root "$root" "$@"; }

cleanup() { "$strata" --root "$root" umount box >/dev/null 2>&1 || true; }
trap cleanup EXIT
cleanup; rm -rf "$root" "$demo"/*.out
[ "$(id -u)" = 0 ] || echo "Not root, and no user namespace ('strata info' says why): nothing can be mounted. The vfs driver does everything by copies; owners are kept in attributes."

run info
run load "$demo/debian.tar"
run images
run tree
run create box --from demo/debian
printf '\n$ strata mount box\n'; path=$("$strata" --root "$root" mount box); echo "$path"
printf '\n$ ls %s\n' "$path"; ls "$path"
printf '\n$ # change, add and delete something in it\n'
echo "hello" > "$path/etc/hello"; echo "changed" >> "$path/etc/motd"; rm -rf "$path/opt/one"; mkdir -p "$path/srv/data"; ln -s ../etc/hello "$path/srv/link"
run changes box
run umount box
printf '\n$ strata diff box > change.tar; tar -tvf change.tar\n'; "$strata" --root "$root" diff box > "$demo/change.out"; tar -tvf "$demo/change.out"
run commit box -t demo/changed
printf '\n$ strata apply --onto demo/debian < change.tar\n'; "$strata" --root "$root" apply --onto demo/debian < "$demo/change.out"
printf '\n$ strata save demo/changed -o changed.tar; tar -tf changed.tar\n'; "$strata" --root "$root" save demo/changed -o "$demo/changed.out"; tar -tf "$demo/changed.out"
printf '\n$ strata export box | tar -t | wc -l\n'; "$strata" --root "$root" export box | tar -t | wc -l
run status
run rm box
echo
echo "The store is in ${root#"$top"/}; './strata --root ${root#"$top"/} images' looks at it."
