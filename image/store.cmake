pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)

# The database alone, so that who keeps other records in it need not link the image store.
image_library(image_database
  database.cc)
target_link_libraries(image_database PUBLIC runtime_sys PkgConfig::SQLITE)
