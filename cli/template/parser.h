// From a format template's text to a tree. Pure.
#pragma once

#include <string>
#include <string_view>

#include "cli/template/node.h"

namespace ctr::cli {

struct ParsedTemplate {
  std::string source;
  Nodes root;
  std::map<std::string, Nodes> definitions;  // {{define "name"}} and {{block "name"}}
  std::vector<std::string> fields;           // every field named anywhere: what data is needed
  bool uses_whole = false;                   // "." as a value
};

// Throws sys::Error{invalid_argument} "template parsing error: template: :line:column: …" for bad
// syntax, unknown functions and undefined variables.
ParsedTemplate parse_template(std::string source);

}  // namespace ctr::cli
