#include "cli/template/template.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"

using ctr::cli::Json;
using ctr::cli::Shape;
using ctr::cli::Template;
using ctr::cli::Value;

namespace {

struct Row {
  const char* source;
  const char* expected;
};

const Json& document() {
  static const Json json = Json::parse(R"({
    "Id": "sha256:abcdef", "Name": "/web", "Size": 7797760, "Ratio": 0.25, "Running": true,
    "Dead": false, "Nothing": null, "Empty": "", "Text": "<a> & \"b\"",
    "List": ["x", "y", "z"], "None": [], "Numbers": [3, 1, 2],
    "Objects": [{"Source": "/a", "Port": 80}, {"Source": "/b", "Port": 443}],
    "Config": {"Env": ["A=1", "B=2"], "Labels": {"b": "2", "a": "1"}},
    "Words": "one,two,three"
  })");
  return json;
}

std::optional<Shape> labels_are_a_map(std::string_view, std::string_view name) {
  if (name == "Labels") return Shape::text_map;
  if (name == "Optional") return Shape::pointer;
  return std::nullopt;
}

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.source);
    CHECK(Template(row.source).execute(Value(document()), labels_are_a_map) == row.expected);
  }
}

}  // namespace

TEST_CASE("text and fields print as Go prints them") {
  check({{"plain", "plain"},
         {"", ""},
         {"{{.Name}}", "/web"},
         {"a{{ .Name }}b", "a/webb"},
         {"{{.Config.Env}}", "[A=1 B=2]"},
         {"{{.Size}} {{.Ratio}} {{.Running}} {{.Dead}}", "7797760 0.25 true false"},
         {"{{.Nothing}}", "<nil>"},
         {"{{.Config.Labels}}", "map[a:1 b:2]"},
         {"{{.Config.Labels.missing}}", "<no value>"},
         {"{{index .Config.Labels \"missing\"}}", ""},
         {"{{.Optional}}", "<nil>"},
         {"{{(index .Objects 0)}}", "{/a 80}"},
         {"{{.ID}}", "sha256:abcdef"},
         {"{{\"quoted\\t\\x41\\u00e9\"}}{{`raw\\t`}}", "quoted\tAéraw\\t"},
         {"{{'a'}} {{0x10}} {{-3}} {{1_000}} {{1e3}} {{true}}", "97 16 -3 1000 1000 true"},
         {"{{$.Name}}", "/web"}});
}

TEST_CASE("trim markers take the white space around an action away, comments vanish") {
  check({{"a  {{- 1 -}}  b", "a1b"},
         {"a {{- /* note */ -}} b", "ab"},
         {"a {{/* note */}} b", "a  b"},
         {"\n {{- .Name}}\n", "/web\n"},
         {"{{-3}}", "-3"}});
}

TEST_CASE("if takes what Go takes for true") {
  check({{"{{if .Running}}yes{{else}}no{{end}}", "yes"},
         {"{{if .Dead}}yes{{else}}no{{end}}", "no"},
         {"{{if .Empty}}yes{{end}}", ""},
         {"{{if .None}}yes{{else}}no{{end}}", "no"},
         {"{{if .Optional}}yes{{else}}no{{end}}", "no"},
         {"{{if .Dead}}a{{else if .Running}}b{{else}}c{{end}}", "b"},
         {"{{if .Dead}}a{{else if .Empty}}b{{else}}c{{end}}", "c"},
         {"{{if and .Running .List}}yes{{end}}", "yes"},
         {"{{if or .Dead .Empty}}yes{{else}}no{{end}}", "no"},
         {"{{if not .Dead}}yes{{end}}", "yes"},
         {"{{if $x := .Name}}{{$x}}{{end}}", "/web"}});
}

TEST_CASE("and and or evaluate no more than they need") {
  check({{"{{if and .Optional .Optional.Field}}x{{else}}none{{end}}", "none"},
         {"{{or .Name (index .List 9)}}", "/web"}});
}

TEST_CASE("range walks lists in order and maps by key") {
  check({{"{{range .List}}{{.}},{{end}}", "x,y,z,"},
         {"{{range $i, $v := .List}}{{$i}}={{$v}} {{end}}", "0=x 1=y 2=z "},
         {"{{range $v := .Numbers}}{{$v}}{{end}}", "312"},
         {"{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "a=1;b=2;"},
         {"{{range .None}}x{{else}}none{{end}}", "none"},
         {"{{range .Nothing}}x{{else}}none{{end}}", "none"},
         {"{{range .Objects}}{{.Source}}:{{.Port}} {{end}}", "/a:80 /b:443 "},
         {"{{range .List}}{{if eq . \"y\"}}{{continue}}{{end}}{{.}}{{end}}", "xz"},
         {"{{range .List}}{{if eq . \"y\"}}{{break}}{{end}}{{.}}{{end}}", "x"},
         {"{{range 3}}{{.}}{{end}}", "012"},
         {"{{range .List}}{{$.Name}}{{end}}", "/web/web/web"}});
}

TEST_CASE("with moves the dot, variables keep their scope") {
  check({{"{{with .Config}}{{index .Env 0}}{{end}}", "A=1"},
         {"{{with .Empty}}x{{else}}none{{end}}", "none"},
         {"{{with .Empty}}x{{else with .Name}}{{.}}{{end}}", "/web"},
         {"{{with $c := .Config}}{{$c.Env}}{{end}}", "[A=1 B=2]"},
         {"{{$n := 1}}{{range .List}}{{$n = .}}{{end}}{{$n}}", "z"},
         {"{{$n := 1}}{{if true}}{{$n := 2}}{{end}}{{$n}}", "1"}});
}

TEST_CASE("templates can be defined, used and come with a default") {
  check({{"{{define \"x\"}}<{{.}}>{{end}}{{template \"x\" .Name}}", "</web>"},
         {"{{block \"x\" .List}}{{len .}}{{end}}", "3"},
         {"{{define \"x\"}}{{$}}{{end}}{{template \"x\" 4}}", "4"}});
}

TEST_CASE("Docker's functions") {
  check({{"{{json .List}}", "[\"x\",\"y\",\"z\"]"},
         {"{{json .Config}}", "{\"Env\":[\"A=1\",\"B=2\"],\"Labels\":{\"b\":\"2\",\"a\":\"1\"}}"},
         {"{{json .Text}}", "\"<a> & \\\"b\\\"\""},
         {"{{json .Nothing}}", "null"},
         {"{{json .Optional}}", "null"},
         {"{{.List | json}}", "[\"x\",\"y\",\"z\"]"},
         {"{{join .List \", \"}}", "x, y, z"},
         {"{{split .Words \",\"}}", "[one two three]"},
         {"{{join (split .Words \",\") \"/\"}}", "one/two/three"},
         {"{{upper .Name}} {{lower \"ABC\"}} {{title \"one two\"}}", "/WEB abc One Two"},
         {"{{pad .Name 1 2}}|{{pad .Empty 1 2}}|", " /web  ||"},
         {"{{truncate .Id 9}}", "sha256:ab"}});
}

TEST_CASE("Go's functions") {
  check({{"{{len .List}} {{len .Name}} {{len .Config.Labels}}", "3 4 2"},
         {"{{index .List 1}} {{index .Objects 1 \"Source\"}}", "y /b"},
         {"{{slice .Name 1}} {{slice .Name 1 3}} {{slice .List 1 2}}", "web we [y]"},
         {"{{print 1 2 \"a\" 3}}", "1 2a3"},
         {"{{println \"a\" 1}}", "a 1\n"},
         {"{{html .Text}}", "&lt;a&gt; &amp; &#34;b&#34;"},
         {"{{urlquery \"a b&c\"}}", "a+b%26c"},
         {"{{eq .Name \"/web\"}} {{eq 3 1 2 3}} {{ne 1 2}}", "true true true"},
         {"{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}}", "true true false true"},
         {"{{lt \"a\" \"b\"}} {{eq .Optional nil}}", "true true"},
         {"{{(len .List) | printf \"%03d\"}}", "003"}});
}

TEST_CASE("printf knows Go's verbs and its words for misuse") {
  check({{"{{printf \"%s|%v|%d\" .Name .List .Size}}", "/web|[x y z]|7797760"},
         {"{{printf \"%-6s|%6s|%06d|%+d\" \"ab\" \"ab\" 42 42}}", "ab    |    ab|000042|+42"},
         {"{{printf \"%q %x %X %t\" \"a\\\"b\" 255 255 true}}", "\"a\\\"b\" ff FF true"},
         {"{{printf \"%.2f %.3s %5.1f|\" .Ratio \"abcdef\" 2.25}}", "0.25 abc   2.2|"},
         {"{{printf \"%*d|%-*d|\" 4 7 4 7}}", "   7|7   |"},
         {"{{printf \"%d\" \"x\"}} {{printf \"%s\" 5}}", "%!d(string=x) %!s(int=5)"},
         {"{{printf \"%d\"}} {{printf \"a\" 1}} {{printf \"100%%\"}}",
          "%!d(MISSING) a%!(EXTRA int=1) 100%"},
         {"{{printf \"%T %T\" .Name .Size}}", "string int"},
         {"{{printf \"%c%U\" 233 233}}", "éU+00E9"}});
}

TEST_CASE("a row's json has its fields in order and none that takes a key") {
  Json row = {{"Names", "a<b"}, {"ID", "1"}, {"Label", {{"app", "web"}}}};
  CHECK(Template("{{json .}}").execute(Value(row, Shape::row)) ==
        R"({"ID":"1","Names":"a\u003cb"})");
  CHECK(Template("{{.Label \"app\"}}|{{.Label \"none\"}}").execute(Value(row, Shape::row)) ==
        "web|");
}

TEST_CASE("a template says what it needs") {
  Template format("{{if .Size}}{{.Names | upper}}{{end}}");
  CHECK(format.uses_field("Size"));
  CHECK_FALSE(format.uses_field("ID"));
  CHECK_FALSE(format.uses_whole());
  CHECK(Template("{{json .}}").uses_whole());
}
