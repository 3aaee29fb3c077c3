#!/bin/sh
# Docker's beginner labs. CLI=docker runs them with the docker client instead.
set -eu
CLI=${CLI:-ctr}

step() { printf '\n$ %s\n' "$*"; "$@"; }

step $CLI container run hello-world
step $CLI image pull busybox
step $CLI image ls
step $CLI container run busybox ls -l
step $CLI container run busybox echo "hello from busybox"
step $CLI container run busybox /bin/sh </dev/null
step $CLI container ls
step $CLI container ls -a

# Isolation: a file that one container wrote …
id=$($CLI container create -i -t busybox /bin/sh)
step $CLI container start "$id"
step $CLI container exec "$id" sh -c 'echo "hello world" > hello.txt'
step $CLI container exec "$id" ls hello.txt
# … is not in another one of the same image …
step $CLI container run --rm busybox sh -c 'test ! -e hello.txt && echo "no hello.txt here"'
# … and still there when the first is started again.
step $CLI container stop -t 1 "$id"
step $CLI container start "$id"
step $CLI container exec "$id" cat hello.txt
step $CLI container inspect --format '{{.State.Status}} {{.Path}}' "$id"
step $CLI image inspect --format '{{json .RootFS.Layers}}' busybox
step $CLI container rm -f "$id"
