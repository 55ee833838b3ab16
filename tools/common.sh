# Shared by the scripts of this folder and of the root. Source it; it changes nothing by itself.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_WORKLOAD_INTEGRITY_CHECK=1

say() { printf '\n== %s\n' "$*" >&2; }

# need COMMAND PACKAGE...: installs Debian packages if a command is missing; says so where that can't be.
need() {
  local command=$1; shift
  command -v "$command" >/dev/null 2>&1 && return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "missing: $command (Debian: $*). Not installed, since this is not root on a Debian system." >&2
    return 1
  fi
  say "installing $*"
  [ -n "${apt_updated:-}" ] || apt-get -o DPkg::Lock::Timeout=300 update -q >&2
  apt_updated=1
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends "$@" >&2
}

require_dotnet() {
  command -v dotnet >/dev/null 2>&1 || { echo "The .NET SDK 10 is missing: install it and put dotnet on the PATH." >&2; exit 1; }
}
