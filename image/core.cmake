image_library(image_core
  placeholder.cc)
target_link_libraries(image_core PUBLIC runtime_sys nlohmann_json::nlohmann_json)
