#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/template/template.h"
#include "runtime/sys/error.h"

using ctr::cli::Json;
using ctr::cli::Shape;
using ctr::cli::Template;
using ctr::cli::Value;

namespace {

std::string error_of(const std::string& source, Shape shape = Shape::plain) {
  try {
    Json data = {{"Name", "x"}, {"List", {1, 2}}, {"Label", {{"a", "b"}}}};
    Template(source).execute(Value(data, shape));
  } catch (const ctr::sys::Error& error) {
    CHECK(error.kind() == ctr::sys::ErrorKind::invalid_argument);
    return error.what();
  }
  return "no error";
}

struct Row {
  const char* source;
  const char* message;
};

}  // namespace

TEST_CASE("errors of syntax name the place and the cause") {
  const Row rows[] = {
      {"{{.Name", ":1:1: unclosed action"},
      {"ab\ncd{{foo}}", ":2:5: function \"foo\" not defined"},
      {"{{.Name}", ":1:8: unexpected \"}\" in operand"},
      {"{{\"x}}", ":1:3: unterminated quoted string"},
      {"{{`x}}", ":1:3: unterminated raw quoted string"},
      {"{{'x}}", ":1:3: malformed character constant"},
      {"{{\"\\z\"}}", ":1:4: unknown escape in quoted string"},
      {"{{/* x }}", ":1:1: unclosed comment"},
      {"{{if .Name}}", ":1:13: unexpected EOF"},
      {"{{end}}", ":1:3: unexpected {{end}}"},
      {"{{else}}", ":1:3: unexpected {{else}}"},
      {"{{if .Name}}a{{else}}b{{else}}c{{end}}", ":1:25: expected {{end}}, found {{else}}"},
      {"{{}}", ":1:3: missing value for command"},
      {"{{.Name |}}", ":1:10: missing value for command"},
      {"{{.Name | 3}}", ":1:11: non executable command in pipeline"},
      {"{{3 4}}", ":1:3: can't give argument to non-function 3"},
      {"{{$x}}", ":1:3: undefined variable \"$x\""},
      {"{{$x = 1}}", ":1:3: undefined variable \"$x\""},
      {"{{if true}}{{$x := 1}}{{end}}{{$x}}", ":1:32: undefined variable \"$x\""},
      {"{{(.Name}}", ":1:9: unexpected end of action; expected right paren"},
      {"{{.Name)}}", ":1:8: unexpected <)> in operand"},
      {"{{1x}}", ":1:3: bad number syntax: \"1x\""},
      {"{{break}}", ":1:3: {{break}} outside {{range}}"},
      {"{{template x}}", ":1:12: unexpected <x>; expected template name"},
      {"{{.Name ! }}", ":1:9: unexpected \"!\" in operand"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.source);
    CHECK(error_of(row.source) == std::string("template parsing error: template: ") + row.message);
  }
}

TEST_CASE("errors of execution name the expression") {
  const Row rows[] = {
      {"{{.Foo}}", "executing \"\" at <.Foo>: map has no entry for key \"Foo\""},
      {"{{.Name.Foo}}", "at <.Name.Foo>: can't evaluate field Foo in type string"},
      {"{{index .List 5}}", "at <index>: error calling index: index out of range: 5"},
      {"{{index .Name \"a\"}}", "error calling index: cannot index slice/array with type string"},
      {"{{len 3}}", "error calling len: len of type int"},
      {"{{eq 1 \"a\"}}", "error calling eq: incompatible types for comparison"},
      {"{{lt .List 1}}", "error calling lt: incompatible types for comparison"},
      {"{{json}}", "wrong number of args for json: want 1 got 0"},
      {"{{upper 3}}", "error calling upper: wrong type for value; expected string; got int"},
      {"{{range .Name}}{{end}}", "range can't iterate over x"},
      {"{{template \"none\"}}", "template \"none\" not defined"},
      {"{{.Name 3}}", "Name has arguments but cannot be invoked as function"},
      {"{{nil.Foo}}", "unexpected . after term"},
      {"{{slice .Name 3}}", "error calling slice: index out of range: 3"},
      {"{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}",
       "exceeded maximum template depth"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.source);
    CHECK_MESSAGE(error_of(row.source).find(row.message) != std::string::npos,
                  error_of(row.source));
  }
}

TEST_CASE("an unknown field of a list's row lists the fields there are") {
  CHECK(error_of("{{.Foo}}", Shape::row).find("the fields are .Name .List .Label") !=
        std::string::npos);
  CHECK(error_of("{{.Label}}", Shape::row).find("wrong number of args for Label: want 1 got 0") !=
        std::string::npos);
}

TEST_CASE("deep nesting is refused, not followed until the stack ends") {
  std::string parentheses = "{{" + std::string(5000, '(') + "1" + std::string(5000, ')') + "}}";
  CHECK(error_of(parentheses).find("too many nested") != std::string::npos);
  std::string blocks;
  for (int i = 0; i < 5000; ++i) blocks += "{{if 1}}";
  CHECK(error_of(blocks).find("too many nested") != std::string::npos);
  std::string chain = "{{if 1}}";
  for (int i = 0; i < 5000; ++i) chain += "{{else if 1}}";
  CHECK(error_of(chain).find("too many nested") != std::string::npos);
}
