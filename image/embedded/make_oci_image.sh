#!/bin/sh
# make_oci_image.sh ROOTFS OUTPUT REFERENCE ARCHITECTURE CMD_JSON [PROGRAM]
# Makes an OCI image layout with one layer from a directory, the same bytes each time: sorted names,
# no times, owner root. The image is as old as PROGRAM is. https://github.com/opencontainers/image-spec/blob/main/image-layout.md
set -eu
rootfs=$1 output=$2 reference=$3 architecture=$4 command=$5
created=1970-01-01T00:00:00Z
[ -z "${6:-}" ] || created=$(date -u -r "$6" +%Y-%m-%dT%H:%M:%SZ)

rm -rf "$output.new"
blobs=$output.new/blobs/sha256
mkdir -p "$blobs"

# store FILE: moves a blob to its place, prints "DIGEST SIZE".
store() {
  digest=$(sha256sum "$1" | cut -d' ' -f1)
  size=$(stat -c %s "$1")
  mv "$1" "$blobs/$digest"
  echo "$digest $size"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar --create --file="$work/layer.tar" --directory="$rootfs" --sort=name --mtime=@0 \
    --owner=0 --group=0 --numeric-owner --format=pax \
    --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime .
diff_id=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
gzip --no-name --best "$work/layer.tar"
set -- $(store "$work/layer.tar.gz")
layer=$1 layer_size=$2

cat > "$work/config" <<END
{"architecture":"$architecture","os":"linux","created":"$created","config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":$command},"rootfs":{"type":"layers","diff_ids":["sha256:$diff_id"]},"history":[{"created":"$created","created_by":"ctr build tree"}]}
END
set -- $(store "$work/config")
config=$1 config_size=$2

cat > "$work/manifest" <<END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$config_size},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$layer","size":$layer_size}]}
END
set -- $(store "$work/manifest")
manifest=$1 manifest_size=$2

cat > "$output.new/index.json" <<END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$manifest","size":$manifest_size,"platform":{"architecture":"$architecture","os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"$reference"}}]}
END
printf '{"imageLayoutVersion":"1.0.0"}' > "$output.new/oci-layout"
rm -rf "$output"
mv "$output.new" "$output"
