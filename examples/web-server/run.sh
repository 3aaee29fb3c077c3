#!/bin/sh
# busybox's httpd in a container, its page in a directory of the host.
set -eu
name=web-$$
site=$(mktemp -d)
trap 'ctr rm -f "$name" >/dev/null 2>&1 || true; rm -rf "$site"' EXIT
chmod 755 "$site"
echo "hello from a container" >"$site/index.html"

ctr run -d --name "$name" -v "$site:/www:ro" busybox httpd -f -p 80 -h /www >/dev/null
address=$(ctr inspect --format '{{.NetworkSettings.Networks.bridge.IPAddress}}' "$name")
echo "serving on http://$address/"

fetch() { curl -sS --retry 20 --retry-connrefused --retry-delay 1 --noproxy '*' "http://$address/"; }
[ "$(fetch)" = "hello from a container" ]
echo "changed on the host" >"$site/index.html"
[ "$(fetch)" = "changed on the host" ]
fetch
ctr logs "$name"
