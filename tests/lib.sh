# Functions of tests/run and quickstart. Sourced from the top of the tree.

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }

need_root() {
  [ "$(id -u)" -eq 0 ] || { echo "$0: this needs root: try 'sudo $0'" >&2; exit 1; }
}

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep 'install ok installed' >/dev/null; }

# Is there such a package to be had? Not by 'grep -q': with pipefail, who writes into a pipe that nobody
# reads any more has failed.
available() { apt-cache policy "$1" | grep 'Candidate: [0-9]' >/dev/null; }

# "a|b": is one of them installed?
any_installed() {
  local name
  for name in ${1//|/ }; do installed "$name" && return; done
  return 1
}

# The first of "a|b" that this release of Debian or Ubuntu has. Needs fresh lists of packages.
choose_package() {
  local name
  for name in ${1//|/ }; do
    available "$name" && { echo "$name"; return; }
  done
  echo "${1%%|*}"
}

# install_packages SECTION…: those of .packages that are not installed yet.
install_packages() {
  local section alternatives wanted=() missing=()
  command -v apt-get >/dev/null || { echo "only Debian and Ubuntu are supported here" >&2; exit 1; }
  for section in "$@"; do
    for alternatives in $(sed -n "s/^$section: //p" .packages); do
      any_installed "$alternatives" || wanted+=("$alternatives")
    done
  done
  [ ${#wanted[@]} -eq 0 ] && return
  apt-get update -qq
  for alternatives in "${wanted[@]}"; do missing+=("$(choose_package "$alternatives")"); done
  say "installing: ${missing[*]}"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Debian's docker client beside the system: its package would bring and start a daemon.
fetch_docker_client() {
  [ -x build/docker/usr/bin/docker ] && return
  say "fetching Debian's docker client"
  mkdir -p build/docker/download
  (cd build/docker/download &&
    { apt-get download -qq docker.io || { apt-get update -qq && apt-get download -qq docker.io; }; })
  dpkg-deb -x build/docker/download/docker.io_*.deb build/docker
}

# podman and containerd beside the system, with those of their libraries that are not installed.
fetch_engines() {
  [ -e build/engines/complete ] && return
  say "fetching podman and containerd"
  mkdir -p build/engines/download
  local package wanted=()
  available podman || apt-get update -qq
  # Of what they depend on, the libraries: the rest is for desktops and alternatives.
  for package in podman conmon containerd golang-github-containers-common \
      golang-github-containers-image $(apt-cache depends --recurse --no-recommends --no-suggests \
      --no-conflicts --no-breaks --no-replaces --no-enhances podman conmon containerd |
      grep -E '^lib(gpgme|assuan|subid|devmapper|glib2|yajl|systemd|seccomp|pcre2|ffi|gpg-error)' | sort -u); do
    installed "$package" || ! available "$package" || wanted+=("$package")
  done
  (cd build/engines/download && apt-get download -qq "${wanted[@]}" 2>/dev/null)
  for package in build/engines/download/*.deb; do dpkg-deb -x "$package" build/engines; done
  rm -rf build/engines/download
  touch build/engines/complete
}

# build_preset PRESET [TARGET]
build_preset() {
  say "building ($1)"
  mkdir -p build
  cmake --preset "$1" >build/cmake.log 2>&1 || { cat build/cmake.log >&2; exit 1; }
  cmake --build --preset "$1" ${2:+--target "$2"} >build/build.log 2>&1 || { tail -n 60 build/build.log >&2; exit 1; }
}

# The two below add to $passed and $failed.
run_unit() {
  local output
  say "unit tests"
  output=$(ctest --test-dir "build/$preset" --output-on-failure 2>&1) || true
  echo "$output"
  count_from "$(echo "$output" | sed -nE 's/.*, ([0-9]+) tests failed out of ([0-9]+).*/\1 \2/p')"
}

count_from() {
  local bad=${1% *} total=${1#* }
  [ -n "$1" ] || { bad=1 total=1; }
  failed=$((failed + bad)) passed=$((passed + total - bad))
}

run_pytest() {
  local report=build/pytest.xml
  say "$1"
  rm -f "$report"
  CTR_BUILD="$PWD/build/$preset" /usr/bin/python3 -m pytest -q -p no:cacheprovider -n 2 --dist loadscope \
    --timeout 600 --junitxml="$report" -rs "$1" || true
  count_from "$(/usr/bin/python3 - "$report" <<'END'
import sys, xml.etree.ElementTree as tree
suites = list(tree.parse(sys.argv[1]).getroot().iter("testsuite"))
total = sum(int(s.get("tests")) - int(s.get("skipped")) for s in suites)
bad = sum(int(s.get("failures")) + int(s.get("errors")) for s in suites)
print(bad, max(total, bad))
END
)"
}
