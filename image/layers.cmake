pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET GLOBAL zlib)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET GLOBAL libzstd)
pkg_check_modules(LZMA REQUIRED IMPORTED_TARGET GLOBAL liblzma)
find_package(BZip2 REQUIRED GLOBAL)
# Inflates 1.6 times as fast as zlib, which takes its place where it is missing.
pkg_check_modules(ISAL IMPORTED_TARGET libisal)

image_library(image_layers
  apply_layer.cc
  byte_queue.cc
  inflate.cc
  inflate_bzip2.cc
  inflate_gzip.cc
  inflate_xz.cc
  inflate_zstd.cc
  layer_entry.cc
  layer_metadata.cc
  layer_pipeline.cc
  layer_reader.cc
  layer_store.cc
  layer_tree.cc
  layer_writer.cc
  tree_archive.cc
  trash.cc
  whiteouts.cc)
find_package(Threads REQUIRED)
target_link_libraries(image_layers PUBLIC image_core runtime_sys Threads::Threads
  PRIVATE PkgConfig::ARCHIVE PkgConfig::ZLIB PkgConfig::ZSTD PkgConfig::LZMA BZip2::BZip2)
if(ISAL_FOUND)
  target_link_libraries(image_layers PRIVATE PkgConfig::ISAL)
  target_compile_definitions(image_layers PRIVATE CTR_HAVE_ISAL)
endif()
