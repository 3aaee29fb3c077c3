#include "cli/template/template.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "cli/template/functions.h"
#include "cli/template/lexer.h"
#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

constexpr int depth_limit = 200;           // of {{template}} calling itself
constexpr size_t output_limit = 64 << 20;  // of one object

bool shapes_cell(std::string_view function) {
  constexpr std::string_view names[] = {"json",     "title", "lower", "upper",
                                        "truncate", "split", "join"};
  return std::find(std::begin(names), std::end(names), function) != std::end(names);
}

// "com.example.some-tier" heads its column as "some tier".
std::string label_heading(std::string label) {
  label.erase(0, label.rfind('.') + 1);
  std::replace_if(
      label.begin(), label.end(), [](char c) { return c == '-' || c == '_'; }, ' ');
  return label;
}

class Evaluator {
 public:
  Evaluator(const ParsedTemplate& parsed, const Value& data, Schema schema, bool is_head)
      : parsed_(parsed), schema_(schema), is_head_(is_head), variables_{{"$", data}} {}

  std::string run(const Value& data) {
    walk(parsed_.root, data);
    return std::move(output_);
  }

 private:
  enum class Flow { on, leave, next };

  Flow walk(const Nodes& nodes, const Value& dot) {
    for (const Node& node : nodes) {
      Flow flow = std::visit([&](const auto& content) { return walk(content, dot); }, node.content);
      if (flow != Flow::on) return flow;
      if (output_.size() > output_limit)
        throw_template_error(parsed_.source, 0, "the template's output is too large");
    }
    return Flow::on;
  }

  Flow walk(const Text& text, const Value&) {
    output_ += text.text;
    return Flow::on;
  }

  Flow walk(const Action& action, const Value& dot) {
    Value value = evaluate(action.pipeline, dot);
    if (action.pipeline.variables.empty()) output_ += value.text(schema_);
    return Flow::on;
  }

  Flow walk(const Jump& jump, const Value&) {
    return jump.kind == Jump::Kind::leave ? Flow::leave : Flow::next;
  }

  Flow walk(const Block& block, const Value& dot) {
    size_t scope = variables_.size();
    Flow flow = Flow::on;
    if (block.kind == Block::Kind::range) {
      flow = walk_range(block, dot);
    } else {
      Value value = evaluate(block.pipeline, dot);
      if (!value.truth())
        flow = walk(block.otherwise, dot);
      else
        flow = walk(block.body, block.kind == Block::Kind::with ? value : dot);
    }
    variables_.resize(scope);
    return flow;
  }

  Flow walk_range(const Block& block, const Value& dot) {
    Value list = evaluate_commands(block.pipeline, dot);
    std::vector<std::pair<Value, Value>> entries = range_entries(block.pipeline, list);
    if (entries.empty()) return walk(block.otherwise, dot);
    const std::vector<std::string>& names = block.pipeline.variables;
    for (const auto& [key, value] : entries) {
      size_t scope = variables_.size();
      if (names.size() == 2) set(block.pipeline, names[0], key);
      if (!names.empty()) set(block.pipeline, names.back(), value);
      Flow flow = walk(block.body, value);
      variables_.resize(scope);
      if (flow == Flow::leave) break;
    }
    return Flow::on;
  }

  // Lists in their order, maps by key, a number counts from 0.
  std::vector<std::pair<Value, Value>> range_entries(const Pipeline& pipeline, const Value& list) {
    const Json& json = list.json();
    std::vector<std::pair<Value, Value>> entries;
    if (json.is_array()) {
      for (const Json& element : json)
        entries.emplace_back(Value(Json(entries.size())), list.element(element));
    } else if (json.is_object()) {
      for (const auto& [key, member] : json.items())
        entries.emplace_back(Value(Json(key)), list.element(member));
      std::sort(entries.begin(), entries.end(),
                [](const auto& a, const auto& b) { return a.first.json() < b.first.json(); });
    } else if (json.is_number_integer() && json.get<int64_t>() <= 1'000'000) {
      for (int64_t i = 0; i < json.get<int64_t>(); ++i)
        entries.emplace_back(Value(Json(i)), Value(Json(i)));
    } else if (!list.is_nil()) {
      throw_template_error(parsed_.source, pipeline.offset,
                           fmt::format("range can't iterate over {}", list.text()));
    }
    return entries;
  }

  Flow walk(const Invocation& call, const Value& dot) {
    auto found = parsed_.definitions.find(call.name);
    if (found == parsed_.definitions.end())
      throw_template_error(parsed_.source, call.offset,
                           fmt::format("template \"{}\" not defined", call.name));
    if (++depth_ > depth_limit)
      throw_template_error(parsed_.source, call.offset, "exceeded maximum template depth");
    Value argument = call.argument ? evaluate(*call.argument, dot) : Value();
    auto outer = std::exchange(variables_, {{"$", argument}});
    walk(found->second, argument);
    variables_ = std::move(outer);
    --depth_;
    return Flow::on;
  }

  Value evaluate(const Pipeline& pipeline, const Value& dot) {
    Value value = evaluate_commands(pipeline, dot);
    for (const std::string& name : pipeline.variables) set(pipeline, name, value);
    return value;
  }

  Value evaluate_commands(const Pipeline& pipeline, const Value& dot) {
    std::optional<Value> piped;
    for (const Command& command : pipeline.commands) piped = evaluate(command, dot, piped);
    return *piped;
  }

  void set(const Pipeline& pipeline, const std::string& name, const Value& value) {
    if (pipeline.declares) return variables_.emplace_back(name, value), void();
    find_variable(name) = value;
  }

  // The parser has seen to it that there is one.
  Value& find_variable(const std::string& name) {
    auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                              [&](const auto& variable) { return variable.first == name; });
    return found == variables_.rend() ? variables_.front().second : found->second;
  }

  Value evaluate(const Command& command, const Value& dot, const std::optional<Value>& piped) {
    const Operand& first = command.operands[0];
    bool short_circuit = first.name == "and" || first.name == "or";
    if (first.kind == Operand::Kind::function && short_circuit)
      return evaluate_logic(command, dot, piped);
    std::vector<Value> arguments;
    for (const Operand& operand : std::span(command.operands).subspan(1))
      arguments.push_back(evaluate(operand, dot));
    if (piped) arguments.push_back(*piped);
    if (first.kind == Operand::Kind::function && first.fields.empty())
      return call(first, arguments);
    if (arguments.empty()) return evaluate(first, dot);
    return call_field(first, dot, arguments);
  }

  // Stops at the first argument that decides.
  Value evaluate_logic(const Command& command, const Value& dot,
                       const std::optional<Value>& piped) {
    const Operand& function = command.operands[0];
    bool decides = function.name == "or";
    Value value;
    for (const Operand& operand : std::span(command.operands).subspan(1)) {
      value = evaluate(operand, dot);
      if (value.truth() == decides) return value;
    }
    if (piped) return *piped;
    if (command.operands.size() < 2) return call(function, {});
    return value;
  }

  Value call(const Operand& function, std::span<const Value> arguments) {
    if (is_head_ && !arguments.empty() && shapes_cell(function.name)) return arguments[0];
    try {
      return call_template_function(function.name, arguments);
    } catch (const sys::Error& error) {
      fail(function, error.what());
    }
  }

  Value evaluate(const Operand& operand, const Value& dot) {
    Value value = start(operand, dot);
    for (const std::string& name : operand.fields) value = field(operand, value, name);
    return value;
  }

  Value start(const Operand& operand, const Value& dot) {
    switch (operand.kind) {
      case Operand::Kind::literal:
        return operand.literal;
      case Operand::Kind::variable:
        return find_variable(operand.name);
      case Operand::Kind::function:
        return call(operand, {});
      case Operand::Kind::pipeline:
        return evaluate(*operand.inner, dot);
      case Operand::Kind::dot:
        break;
    }
    return dot;
  }

  Value field(const Operand& operand, const Value& value, const std::string& name) {
    if (value.missing() || (value.is_nil() && !is_map(value.shape())))
      fail(operand, fmt::format("nil pointer evaluating interface {{}}.{}", name));
    if (!value.json().is_object() && !value.is_nil())
      fail(operand, fmt::format("can't evaluate field {} in type {}", name, value.type_name()));
    std::optional<Value> found = value.find_field(name, schema_);
    if (!found) fail(operand, unknown_field(value, name));
    if (value.shape() == Shape::row && is_map(found->shape()))
      fail(operand, fmt::format("wrong number of args for {}: want 1 got 0", name));
    return *found;
  }

  static std::string unknown_field(const Value& value, const std::string& name) {
    if (value.shape() != Shape::row) return fmt::format("map has no entry for key \"{}\"", name);
    std::string known;
    for (const auto& [key, member] : value.json().items())
      known += fmt::format("{}.{}", known.empty() ? "" : " ", key);
    return fmt::format("can't evaluate field {}; the fields are {}", name, known);
  }

  // `.Label "name"`: a row's field that takes a key.
  Value call_field(const Operand& operand, const Value& dot, std::span<const Value> arguments) {
    Value value = start(operand, dot);
    std::span<const std::string> fields(operand.fields);
    if (fields.empty())
      fail(operand, fmt::format("can't give argument to non-function {}", operand.source));
    for (const std::string& name : fields.first(fields.size() - 1))
      value = field(operand, value, name);
    const std::string& method = fields.back();
    if (is_head_ && arguments[0].json().is_string())
      return Value(Json(label_heading(arguments[0].json().get<std::string>())));
    std::optional<Value> map = value.find_field(method, schema_);
    bool is_method = value.shape() == Shape::row && map && is_map(map->shape());
    if (!is_method)
      fail(operand, fmt::format("{} has arguments but cannot be invoked as function", method));
    if (arguments.size() != 1 || !arguments[0].json().is_string())
      fail(operand,
           fmt::format("wrong number of args for {}: want 1 got {}", method, arguments.size()));
    auto found = map->json().find(arguments[0].json().get_ref<const std::string&>());
    return found == map->json().end() ? Value(Json("")) : map->element(*found);
  }

  [[noreturn]] void fail(const Operand& operand, const std::string& message) {
    throw_template_error(parsed_.source, operand.offset,
                         fmt::format("executing \"\" at <{}>: {}", operand.source, message));
  }

  const ParsedTemplate& parsed_;
  Schema schema_;
  bool is_head_;
  std::vector<std::pair<std::string, Value>> variables_;
  std::string output_;
  int depth_ = 0;
};

}  // namespace

std::string Template::execute(const Value& data, Schema schema) const {
  return Evaluator(parsed_, data, schema, false).run(data);
}

std::string Template::execute_head(const Value& headings) const {
  return Evaluator(parsed_, headings, no_schema, true).run(headings);
}

bool Template::uses_field(std::string_view name) const {
  return std::find(parsed_.fields.begin(), parsed_.fields.end(), name) != parsed_.fields.end();
}

}  // namespace ctr::cli
