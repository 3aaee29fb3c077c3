pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET libcrypto)

image_library(image_core
  content_store.cc
  content_writer.cc
  digest.cc
  image_config.cc
  json_document.cc
  manifest.cc
  media_type.cc
  platform.cc
  reference.cc)
target_link_libraries(image_core PUBLIC runtime_sys nlohmann_json::nlohmann_json
  PRIVATE PkgConfig::OPENSSL)
