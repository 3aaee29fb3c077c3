#include "cli/table.h"

#include <doctest/doctest.h>

using ctr::cli::align_table;

TEST_CASE("columns are as wide as their widest cell and the padding") {
  CHECK(align_table("A\tB\tC\nlonger cell\tb\tc\n") ==
        "A             B         C\nlonger cell   b         c\n");
}

TEST_CASE("what follows the last tab belongs to no column") {
  CHECK(align_table("a\tvery long last cell\nb\tx\n") ==
        "a         very long last cell\nb         x\n");
  CHECK(align_table("a\t\n") == "a         \n");
}

TEST_CASE("widths count characters, not bytes") {
  CHECK(align_table("täglich…xyz\tb\nabc\tc\n") == "täglich…xyz   b\nabc           c\n");
}

TEST_CASE("a column ends where a line does not have it") {
  CHECK(align_table("a very long cell\tb\nno tab\nx\ty\n") ==
        "a very long cell   b\nno tab\nx         y\n");
}

TEST_CASE("an empty text stays empty") {
  CHECK(align_table("") == "");
}

TEST_CASE("top's columns are twenty wide") {
  CHECK(align_table("UID\tPID\n", {20, 3}) == "UID                 PID\n");
}
