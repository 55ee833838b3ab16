#!/usr/bin/env bash
# Makes a real image for the demo: a Debian root file system from Debian's packages, and a second layer that changes, deletes and
# replaces things. Usage: make-image.sh DIR     Result: DIR/debian.tar (an OCI layout in a tar)
set -euo pipefail
. "$(dirname "$0")/common.sh"
out=${1:?usage: $0 DIR}
mkdir -p "$out"; out=$(cd "$out" && pwd)
[ -e "$out/debian.tar" ] && exit 0
work=$(mktemp -d "$out/.make.XXXXXX"); trap 'rm -rf "$work"' EXIT
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")

if [ "$(id -u)" = 0 ] && need mmdebstrap mmdebstrap; then
  say "a Debian root file system, from packages"
  mirror=$(apt-get indextargets --format '$(SITE)' "Codename: $suite" | head -1)
  mmdebstrap --quiet --variant=essential "$suite" "$work/base.tar" "$mirror"
else
  say "a small Debian root file system, from single packages (not root)"
  need apt-get apt && need dpkg-deb dpkg || exit 1
  (cd "$work" && mkdir root && apt-get download -q base-files base-passwd busybox-static >&2 && for deb in *.deb; do dpkg-deb -x "$deb" root; done)
  # What the packages' scripts would make: a shell and its tools, the lists of users.
  for name in $("$work/root/bin/busybox" --list); do [ -e "$work/root/bin/$name" ] || ln -s busybox "$work/root/bin/$name"; done
  for list in passwd group; do cp "$work/root/usr/share/base-passwd/$list.master" "$work/root/etc/$list"; done
  mkdir -p "$work/root/usr/share/doc/apt" && echo "apt" > "$work/root/usr/share/doc/apt/copyright"
  tar --sort=name --owner=0 --group=0 --numeric-owner -cf "$work/base.tar" -C "$work/root" .
fi

say "a second layer"
l=$work/layer; mkdir -p "$l/etc" "$l/usr/share" "$l/opt" "$l/var"
echo "made by strata" > "$l/etc/motd"                             # changes a file
: > "$l/usr/share/.wh.doc"                                        # deletes a directory
: > "$l/etc/.wh.issue"                                            # deletes a file
mkdir -p "$l/etc/skel"; : > "$l/etc/skel/.wh..wh..opq"; echo new > "$l/etc/skel/.profile"   # replaces a directory's contents
mkdir -p "$l/etc/debian_version"; echo "was a file" > "$l/etc/debian_version/README"        # a directory where a file was
ln -s /etc/motd "$l/opt/motd"; echo one > "$l/opt/one"; ln "$l/opt/one" "$l/opt/two"        # links
tar --sort=name --owner=0 --group=0 --numeric-owner --format=posix --pax-option=delete=atime,delete=ctime -cf "$work/second.tar" -C "$l" etc usr opt

say "an OCI layout"
blobs=$work/oci/blobs/sha256; mkdir -p "$blobs"
put() { local d; d=$(sha256sum "$1" | cut -d' ' -f1); mv "$1" "$blobs/$d"; echo "$d"; }
descs=""; diffs=""
for layer in base second; do
  diffs+="${diffs:+,}\"sha256:$(sha256sum "$work/$layer.tar" | cut -d' ' -f1)\""
  gzip -6 -n "$work/$layer.tar"; size=$(stat -c %s "$work/$layer.tar.gz"); d=$(put "$work/$layer.tar.gz")
  descs+="${descs:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:$d\",\"size\":$size}"
done
arch=$(dpkg --print-architecture 2>/dev/null || echo amd64)
printf '{"architecture":"%s","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' "$arch" "$diffs" > "$work/config"
size=$(stat -c %s "$work/config"); config=$(put "$work/config")
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[%s]}' "$config" "$size" "$descs" > "$work/manifest"
size=$(stat -c %s "$work/manifest"); manifest=$(put "$work/manifest")
printf '{"imageLayoutVersion":"1.0.0"}' > "$work/oci/oci-layout"
printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"demo/debian:latest"}}]}' "$manifest" "$size" > "$work/oci/index.json"
tar -cf "$work/debian.tar" -C "$work/oci" oci-layout index.json blobs
mv "$work/debian.tar" "$out/debian.tar"
ls -l "$out/debian.tar" >&2
