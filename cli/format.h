// How the list commands (ps, images, history, system df …) show their rows: --format and the
// default table, by one set of rules.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/template/template.h"

namespace ctr::cli {

// A field of a row and what heads its column.
struct Heading {
  std::string_view field;
  std::string_view text;
};

class ListFormat {
 public:
  // `format` is what the user gave: "" or "table" (the default table), "table TEMPLATE", "json" or
  // TEMPLATE; in all of them "\t" and "\n" stand for a tab and a new line. Throws sys::Error
  // "template parsing error: …".
  ListFormat(std::string_view format, std::string_view default_table);

  bool is_table() const { return is_table_; }
  // Whether a row needs this field: it is named, or the whole row is asked for.
  bool uses(std::string_view field) const;
  bool names(std::string_view field) const { return template_.uses_field(field); }

  // `rows` are objects of strings; a member that is an object is a field that takes a key, as in
  // {{.Label "app"}}.
  std::string print(std::span<const Heading> headings, const std::vector<Json>& rows) const;

 private:
  bool is_table_ = false;
  Template template_;
};

// --format of the commands that print one object (inspect, version, info, events): "json" stands
// for the whole; there are no tables.
Template parse_object_format(std::string_view format);

}  // namespace ctr::cli
