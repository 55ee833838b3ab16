#!/usr/bin/env bash
# Runs a command as root in a guest with a kernel of its own: Debian's, under QEMU's emulation, so that no /dev/kvm is needed. The guest sees this
# machine's files; what it changes of them is gone afterwards. For what this machine's kernel may lack: quotas of ext4 and xfs above all.
# Usage: tools/guest.sh COMMAND [ARGUMENT...]      Ends with the command's exit code; 125: the guest did not get so far.
# Root on Debian (packages: qemu-system-x86, busybox-static, kmod; the kernel's package is unpacked below artifacts/guest, not installed).
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$top"
[ $# -gt 0 ] || { sed -n 2,5p "$0" >&2; exit 2; }
[ "$(uname -m)" = x86_64 ] || { echo "the guest is for x86_64 only" >&2; exit 125; }
need qemu-system-x86_64 qemu-system-x86; need busybox busybox-static; need depmod kmod
guest=$top/artifacts/guest
limit=${GUEST_SECONDS:-300}

if [ ! -e "$guest/initramfs.gz" ]; then
  say "fetching a kernel"
  rm -rf "$guest"; mkdir -p "$guest/root" "$guest/deb"
  package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -1)
  if [ -z "$package" ]; then
    apt-get -o DPkg::Lock::Timeout=300 update -q >&2
    package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -1)
  fi
  (cd "$guest/deb" && apt-get download -q "$package" >&2 && dpkg-deb -x ./*.deb "$guest/root")
  rm -rf "$guest/deb"
  version=$(ls "$guest/root/lib/modules")
  depmod -b "$guest/root" "$version"
  mv "$guest/root/boot/vmlinuz-$version" "$guest/kernel"
  tree=$guest/tree; mkdir -p "$tree/bin" "$tree/modules" "$tree"/{proc,sys,dev,host,rw,root}
  cp "$(command -v busybox)" "$tree/bin/busybox"
  # In the order in which they can be loaded; what is built into the kernel is no file.
  for module in virtio_pci 9pnet_virtio 9p overlay loop ext4 quota_v2 xfs btrfs erofs dm_mod; do
    modprobe -d "$guest/root" -S "$version" --show-depends "$module" 2>/dev/null || true
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do cp "$file" "$tree/modules/"; basename "$file" >> "$tree/modules/order"; done
  cat > "$tree/init" <<'INIT'
#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
echo 3 > /proc/sys/kernel/printk
while read -r module; do insmod "/modules/$module" || echo "insmod $module failed"; done < /modules/order
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=524288,cache=loose host /host || { echo "no files of the host"; poweroff -f; }
mount -t tmpfs -o size=90% tmpfs /rw; mkdir /rw/upper /rw/work
mount -t overlay overlay -o lowerdir=/host,upperdir=/rw/upper,workdir=/rw/work /root
for place in proc sys dev; do mount --move /$place /root/$place; done
mkdir -p /root/dev/pts /root/dev/shm
mount -t tmpfs tmpfs /root/tmp; mount -t tmpfs tmpfs /root/run; mount -t devpts devpts /root/dev/pts; mount -t tmpfs tmpfs /root/dev/shm
ip link set lo up 2>/dev/null
cat /root/proc/sys/kernel/osrelease
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
tr ' ' '\n' < /root/proc/cmdline | sed -n 's/^guest.command=//p' > /rw/encoded
/bin/busybox base64 -d /rw/encoded > /root/tmp/.command
echo GUEST-BEGIN
chroot /root /bin/bash /tmp/.command
echo "GUEST-END $?"
/bin/busybox poweroff -f
INIT
  chmod 755 "$tree/init"
  (cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 > "$guest/initramfs.new")
  rm -rf "$tree" "$guest/root"
  mv "$guest/initramfs.new" "$guest/initramfs.gz"
fi

# The command travels on the kernel's command line, of 2048 bytes.
command=$(printf 'cd %q; exec %s' "$top" "$(printf '%q ' "$@")" | base64 -w0)
[ ${#command} -lt 1700 ] || { echo "the command is too long" >&2; exit 2; }
log=$(mktemp); trap 'rm -f "$log"' EXIT
timeout --foreground "$limit" qemu-system-x86_64 -machine q35,accel=tcg -cpu max -m "${GUEST_MEMORY:-1500}" -smp 1 -no-reboot -nodefaults -display none \
  -kernel "$guest/kernel" -initrd "$guest/initramfs.gz" -append "console=ttyS0 quiet panic=1 rdinit=/init guest.command=$command" -serial stdio \
  -fsdev local,id=h,path=/,security_model=none,readonly=on,multidevs=remap -device virtio-9p-pci,fsdev=h,mount_tag=host < /dev/null | tr -d '\r' | tee "$log" | sed '/^GUEST-/d' || true
code=$(sed -n 's/^GUEST-END //p' "$log" | tail -1)
[ -n "$code" ] || { echo "The guest ended, or was ended after $limit s, before the command did." >&2; exit 125; }
exit "$code"
