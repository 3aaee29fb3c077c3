#!/bin/sh
# The first container: runs once, prints, is gone.
set -eu
ctr run --rm hello-world
