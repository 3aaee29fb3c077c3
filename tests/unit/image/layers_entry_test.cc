#include <doctest/doctest.h>

#include "image/layer_entry.h"
#include "runtime/sys/error.h"

using namespace ctr;
using namespace ctr::image;

TEST_CASE("names are cleaned as text and stay below the root (T01)") {
  CHECK(parse_layer_path("a/b/c") == LayerPath{"a/b", "c"});
  CHECK(parse_layer_path("./a//b/./c/") == LayerPath{"a/b", "c"});
  CHECK(parse_layer_path("/etc/passwd") == LayerPath{"etc", "passwd"});
  CHECK(parse_layer_path("../victim/x") == LayerPath{"victim", "x"});
  CHECK(parse_layer_path("a/../../b") == LayerPath{"", "b"});
  CHECK(parse_layer_path("/../../../../x") == LayerPath{"", "x"});
  CHECK(parse_layer_path("back\\slash\n") == LayerPath{"", "back\\slash\n"});
  CHECK(parse_layer_path("...") == LayerPath{"", "..."});
}

TEST_CASE("the root itself has no name, an empty name is an error (T09)") {
  for (const char* name : {"/", ".", "./", "/.", "..", "a/..", "//"})
    CHECK(parse_layer_path(name) == LayerPath{});
  CHECK_THROWS_AS(parse_layer_path(""), sys::Error);
}

TEST_CASE("whiteouts are told by the last component (T13)") {
  auto meaning = [](const char* path) { return parse_layer_name(parse_layer_path(path)).meaning; };
  CHECK(meaning("a/b") == Meaning::object);
  CHECK(meaning("a/.wh.b") == Meaning::whiteout);
  CHECK(parse_layer_name(parse_layer_path("a/.wh.b")).target == "b");
  CHECK(parse_layer_name(parse_layer_path(".wh..hidden")).target == ".hidden");
  CHECK(meaning("a/.wh..wh..opq") == Meaning::opaque);
  CHECK(meaning(".wh..wh.aufs") == Meaning::metadata);
  CHECK(meaning(".wh..wh.plnk/99.1") == Meaning::metadata);
  CHECK(meaning("a/.wh..wh.orph/x") == Meaning::metadata);
  CHECK(meaning(".wh.etc/somefile") == Meaning::object);
  CHECK(meaning("a/x.wh.y") == Meaning::object);
}

TEST_CASE("whiteouts of nothing, of the directory and of its parent are refused (T13)") {
  for (const char* name : {".wh.", ".wh..", ".wh...", "etc/.wh.", "etc/.wh..", "etc/.wh..."})
    CHECK_THROWS_AS(parse_layer_name(parse_layer_path(name)), sys::Error);
}

TEST_CASE("overlayfs's own attributes are no attributes of a layer (T15)") {
  CHECK_FALSE(is_layer_xattr("trusted.overlay.opaque"));
  CHECK_FALSE(is_layer_xattr("trusted.overlay.redirect"));
  CHECK_FALSE(is_layer_xattr("user.overlay.metacopy"));
  CHECK_FALSE(is_layer_xattr(""));
  CHECK(is_layer_xattr("security.capability"));
  CHECK(is_layer_xattr("user.overlaid"));
  CHECK(is_layer_xattr("trusted.other"));
}
