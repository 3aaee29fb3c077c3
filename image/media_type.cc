#include "image/media_type.h"

namespace ctr::image::media_type {

bool is_manifest(std::string_view type) {
  return type == oci_manifest || type == docker_manifest;
}

bool is_index(std::string_view type) {
  return type == oci_index || type == docker_list;
}

bool is_schema1(std::string_view type) {
  return type == "application/vnd.docker.distribution.manifest.v1+json" ||
         type == "application/vnd.docker.distribution.manifest.v1+prettyjws";
}

bool is_image_config(std::string_view type) {
  return type == oci_config || type == docker_config;
}

bool is_layer(std::string_view type) {
  return type == oci_layer || type == oci_layer_gzip || type == oci_layer_zstd ||
         type == docker_layer || type == docker_layer_gzip || type == docker_layer_zstd;
}

}  // namespace ctr::image::media_type
