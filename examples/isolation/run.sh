#!/bin/sh
# Each experiment prints what it expects and fails if it is not so. Needs root: it looks into /proc.
set -eu
name=isolation-$$
trap 'ctr rm -f "$name" >/dev/null 2>&1 || true' EXIT

say() { printf '\n-- %s\n' "$*"; }
expect() { [ "$1" = "$2" ] || { echo "expected '$2', found '$1'" >&2; exit 1; }; echo "$3: $1"; }

say "the same process, from inside and from outside"
ctr run -d --name "$name" --hostname inside busybox sleep 1000 >/dev/null
outside=$(ctr inspect --format '{{.State.Pid}}' "$name")
expect "$(ctr exec "$name" sh -c 'cat /proc/1/cmdline | tr "\0" " "')" "sleep 1000 " "number 1 inside"
expect "$(tr '\0' ' ' <"/proc/$outside/cmdline")" "sleep 1000 " "number $outside outside"

say "its own name"
expect "$(ctr exec "$name" hostname)" inside "inside"
[ "$(hostname)" != inside ]

say "namespaces: each differs from the host's"
for kind in pid mnt net ipc uts; do
  [ "$(readlink "/proc/$outside/ns/$kind")" != "$(readlink "/proc/self/ns/$kind")" ]
  echo "$kind: $(readlink "/proc/$outside/ns/$kind")"
done

say "files: what one writes no other sees"
ctr exec "$name" sh -c 'echo secret >/etc/mine'
expect "$(ctr run --rm busybox sh -c 'ls /etc/mine 2>/dev/null || echo none')" none "in another container"
[ ! -e /etc/mine ]

say "memory: 32 MB are allowed, more is wanted"
code=0
ctr run --name "$name-memory" -m 32m --memory-swap 32m busybox \
  sh -c 'x=$(head -c 100000000 /dev/zero | tr "\0" x); echo ${#x}' || code=$?
expect "$code" 137 "exit code"
expect "$(ctr inspect --format '{{.State.OOMKilled}}' "$name-memory")" true "killed for its memory"
ctr rm "$name-memory" >/dev/null

say "processes: 8 are allowed, 20 are wanted"
ctr run --rm --pids-limit 8 busybox \
  sh -c 'for i in $(seq 20); do sleep 1 & done; wait' 2>&1 | grep -m1 -i -E "fork|resource" || {
  echo "the limit did not hold" >&2; exit 1; }

say "processor: half of one is allowed"
ctr run --rm --cpus 0.5 busybox sh -c 'cat /sys/fs/cgroup/cpu.max 2>/dev/null ||
  echo "$(cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us) of $(cat /sys/fs/cgroup/cpu/cpu.cfs_period_us) microseconds"'

say "capabilities: root inside is not root outside"
expect "$(ctr exec "$name" sh -c "grep CapEff /proc/self/status | cut -f2")" 00000000a80425fb "effective set"
expect "$(ctr exec "$name" sh -c 'date -s 2000-01-01 2>&1 >/dev/null | grep -o "not permitted"')" "not permitted" "set the clock"
expect "$(ctr exec "$name" sh -c 'mount -t tmpfs none /mnt 2>/dev/null || echo refused')" refused "mount"

say "the filter: a number that is not on the list fails, whoever calls it"
expect "$(ctr exec "$name" sh -c 'unshare -r true 2>/dev/null || echo refused')" refused "unshare"
expect "$(ctr exec "$name" sh -c "grep '^Seccomp:' /proc/1/status | cut -f2")" 2 "filter mode"

say "what of /proc is masked or read-only"
expect "$(ctr exec "$name" sh -c 'wc -c </proc/keys')" 0 "bytes in /proc/keys"
expect "$(ctr exec "$name" sh -c 'echo x 2>/dev/null >/proc/sys/kernel/core_pattern || echo refused')" \
  refused "write core_pattern"
