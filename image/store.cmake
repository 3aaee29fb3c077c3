pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)

# The database alone, so that who keeps other records in it need not link the image store.
image_library(image_database
  database.cc)
target_link_libraries(image_database PUBLIC runtime_sys PRIVATE PkgConfig::SQLITE)

image_library(image
  archive.cc
  archive_files.cc
  garbage_collector.cc
  image_builder.cc
  image_removal.cc
  image_store.cc
  lease.cc
  save_archive.cc
  snapshotter.cc)
target_link_libraries(image PUBLIC image_core image_database image_layers runtime_sys)
