// A parsed template: a tree of values, made by parser.h and walked by evaluator.h.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/template/value.h"

namespace ctr::cli {

struct Pipeline;

// One word of a command: `.A.B`, `$x.A`, "text", 3, printf, (…).A
struct Operand {
  enum class Kind { literal, dot, variable, function, pipeline };

  Kind kind = Kind::dot;
  std::string name;  // of the variable ("$x") or function
  Value literal;
  std::shared_ptr<const Pipeline> inner;  // of (…)
  std::vector<std::string> fields;        // the chain behind it
  std::string source;                     // as written, for messages
  size_t offset = 0;
};

// `printf "%s" .A`: a function, a field that takes arguments, or a single value.
struct Command {
  std::vector<Operand> operands;
};

// `$x := a | b | c`
struct Pipeline {
  std::vector<std::string> variables;  // two only in `range $i, $v := …`
  bool declares = false;               // := instead of =
  std::vector<Command> commands;
  size_t offset = 0;
};

struct Node;
using Nodes = std::vector<Node>;

struct Text {
  std::string text;
};
struct Action {
  Pipeline pipeline;
};
// if, with and range, which differ in what they do with their pipeline's value.
struct Block {
  enum class Kind { if_true, with, range };

  Kind kind = Kind::if_true;
  Pipeline pipeline;
  std::vector<Node> body;
  std::vector<Node> otherwise;  // {{else}}
};
// {{template "name" pipeline}}, and what {{block}} leaves in its place.
struct Invocation {
  std::string name;
  std::optional<Pipeline> argument;
  size_t offset = 0;
};
struct Jump {
  enum class Kind { leave, next };  // {{break}}, {{continue}}

  Kind kind = Kind::leave;
};

struct Node {
  std::variant<Text, Action, Block, Invocation, Jump> content;
};

}  // namespace ctr::cli
