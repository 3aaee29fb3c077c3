// A format template as the commands use it: parsed once, executed for each object.
#pragma once

#include <string>
#include <string_view>

#include "cli/template/parser.h"
#include "cli/template/value.h"

namespace ctr::cli {

class Template {
 public:
  // Throws sys::Error "template parsing error: …".
  explicit Template(std::string source) : parsed_(parse_template(std::move(source))) {}

  // Throws sys::Error "template parsing error: template: :1:3: executing "" at <.Foo>: …".
  std::string execute(const Value& data, Schema schema = no_schema) const;

  // The head of a table: every field gives its heading from `headings`, functions that shape a cell
  // do nothing.
  std::string execute_head(const Value& headings) const;

  // Whether any {{…}} names .Name: what data needs to be fetched.
  bool uses_field(std::string_view name) const;
  // Whether {{json .}} or the like needs everything.
  bool uses_whole() const { return parsed_.uses_whole; }

 private:
  ParsedTemplate parsed_;
};

}  // namespace ctr::cli
