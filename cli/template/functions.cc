#include "cli/template/functions.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/template/compare.h"
#include "cli/template/utf8.h"
#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

using Arguments = std::span<const Value>;

[[noreturn]] void fail(std::string_view function, const std::string& message) {
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("error calling {}: {}", function, message));
}

const std::string& expect_string(std::string_view function, const Value& value) {
  if (!value.json().is_string())
    fail(function, fmt::format("wrong type for value; expected string; got {}", value.type_name()));
  return value.json().get_ref<const std::string&>();
}

int64_t expect_integer(std::string_view function, const Value& value) {
  if (!value.json().is_number_integer())
    fail(function, fmt::format("cannot index slice/array with type {}", value.type_name()));
  return value.json().get<int64_t>();
}

char lower_letter(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char upper_letter(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// Only ASCII changes: what is formatted are names, ids and states.
Value map_letters(std::string_view function, const Value& value, char (*change)(char)) {
  std::string text = expect_string(function, value);
  std::transform(text.begin(), text.end(), text.begin(), change);
  return Value(Json(std::move(text)));
}

Value lower(Arguments a) {
  return map_letters("lower", a[0], lower_letter);
}
Value upper(Arguments a) {
  return map_letters("upper", a[0], upper_letter);
}

Value title(Arguments a) {
  std::string text = expect_string("title", a[0]);
  bool starts_word = true;
  for (char& c : text) {
    if (starts_word) c = upper_letter(c);
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    starts_word = !letter && c != '_' && c != '\'' && static_cast<unsigned char>(c) < 0x80;
  }
  return Value(Json(std::move(text)));
}

Value json(Arguments a) {
  return Value(Json(a[0].to_json()));
}

Value split(Arguments a) {
  std::string_view text = expect_string("split", a[0]);
  const std::string& separator = expect_string("split", a[1]);
  Json parts = Json::array();
  if (separator.empty()) {
    for (size_t at = 0; at < text.size();) {
      size_t length = utf8_length(text, at);
      parts.push_back(text.substr(at, length));
      at += length;
    }
    return Value(std::move(parts), Shape::list);
  }
  for (size_t at = 0; at != text.npos;) {
    size_t end = text.find(separator, at);
    parts.push_back(text.substr(at, end == text.npos ? end : end - at));
    at = end == text.npos ? end : end + separator.size();
  }
  return Value(std::move(parts), Shape::list);
}

Value join(Arguments a) {
  if (a[0].is_nil()) return Value(Json(""));
  if (!a[0].json().is_array())
    fail("join", fmt::format("expected a list, got {}", a[0].type_name()));
  const std::string& separator = expect_string("join", a[1]);
  std::string text;
  for (size_t i = 0; i < a[0].json().size(); ++i)
    text += (i == 0 ? "" : separator) + a[0].element(a[0].json()[i]).text();
  return Value(Json(std::move(text)));
}

// Docker's: a text that is not empty gets spaces around it.
Value pad(Arguments a) {
  const std::string& text = expect_string("pad", a[0]);
  if (text.empty()) return Value(Json(""));
  constexpr int64_t most = 1 << 16;
  auto count = [&](const Value& v) {
    return std::clamp<int64_t>(expect_integer("pad", v), 0, most);
  };
  return Value(Json(std::string(count(a[1]), ' ') + text + std::string(count(a[2]), ' ')));
}

Value truncate(Arguments a) {
  const std::string& text = expect_string("truncate", a[0]);
  int64_t length = std::max<int64_t>(expect_integer("truncate", a[1]), 0);
  return Value(Json(std::string(first_characters(text, static_cast<size_t>(length)))));
}

// A null list or map, which has no elements but is one.
bool is_empty_container(const Value& value) {
  return value.is_nil() && (is_map(value.shape()) || value.shape() == Shape::list);
}

Value length(Arguments a) {
  const Json& json = a[0].json();
  if (json.is_string()) return Value(Json(json.get_ref<const std::string&>().size()));
  if (is_empty_container(a[0])) return Value(Json(0));
  if (!json.is_array() && !json.is_object())
    fail("len",
         fmt::format("len of {}", a[0].is_nil() ? "nil pointer" : "type " + a[0].type_name()));
  return Value(Json(json.size()));
}

size_t check_index(std::string_view function, const Value& index, size_t size) {
  int64_t i = expect_integer(function, index);
  if (i < 0 || static_cast<uint64_t>(i) >= size)
    fail(function, fmt::format("index out of range: {}", i));
  return static_cast<size_t>(i);
}

Value index_once(const Value& value, const Value& key) {
  const Json& json = value.json();
  if (value.is_nil() && is_map(value.shape())) return value.absent_element();
  if (value.is_nil() && value.shape() == Shape::list) check_index("index", key, 0);
  if (json.is_array()) return value.element(json[check_index("index", key, json.size())]);
  if (json.is_object()) {
    auto found = json.find(expect_string("index", key));
    return found == json.end() ? value.absent_element() : value.element(*found);
  }
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    return Value(Json(static_cast<unsigned char>(text[check_index("index", key, text.size())])));
  }
  if (value.is_nil()) fail("index", "index of untyped nil");
  fail("index", fmt::format("can't index item of type {}", value.type_name()));
}

Value index(Arguments a) {
  Value value = a[0];
  for (const Value& key : a.subspan(1)) value = index_once(value, key);
  return value;
}

Value slice(Arguments a) {
  const Json& json = a[0].json();
  if (!json.is_string() && !json.is_array())
    fail("slice", fmt::format("can't slice item of type {}", a[0].type_name()));
  size_t size = json.is_string() ? json.get_ref<const std::string&>().size() : json.size();
  size_t from = a.size() > 1 ? check_index("slice", a[1], size + 1) : 0;
  size_t to = a.size() > 2 ? check_index("slice", a[2], size + 1) : size;
  if (from > to) fail("slice", fmt::format("invalid slice index: {} > {}", from, to));
  if (json.is_string())
    return Value(Json(json.get_ref<const std::string&>().substr(from, to - from)));
  Json part = Json::array();
  for (size_t i = from; i < to; ++i) part.push_back(json[i]);
  return Value(std::move(part), Shape::list);
}

// Go's Sprint: a space between operands when neither is a string.
Value print(Arguments a) {
  std::string text;
  for (size_t i = 0; i < a.size(); ++i) {
    if (i > 0 && !a[i - 1].json().is_string() && !a[i].json().is_string()) text += ' ';
    text += a[i].missing() ? "<nil>" : a[i].text();
  }
  return Value(Json(std::move(text)));
}

Value println(Arguments a) {
  std::string text;
  for (size_t i = 0; i < a.size(); ++i)
    text += (i > 0 ? " " : "") + (a[i].missing() ? "<nil>" : a[i].text());
  return Value(Json(text + "\n"));
}

Value printf(Arguments a) {
  return Value(Json(print_formatted(expect_string("printf", a[0]), a.subspan(1))));
}

Value negation(Arguments a) {
  return Value(Json(!a[0].truth()));
}

Value equal(Arguments a) {
  bool any = false;
  for (const Value& other : a.subspan(1)) any = any || values_equal("eq", a[0], other);
  return Value(Json(any));
}
Value not_equal(Arguments a) {
  return Value(Json(!values_equal("ne", a[0], a[1])));
}
Value less(Arguments a) {
  return Value(Json(value_less("lt", a[0], a[1])));
}
Value less_or_equal(Arguments a) {
  return Value(Json(!value_less("le", a[1], a[0])));
}
Value greater(Arguments a) {
  return Value(Json(value_less("gt", a[1], a[0])));
}
Value greater_or_equal(Arguments a) {
  return Value(Json(!value_less("ge", a[0], a[1])));
}

std::string concatenate(Arguments a) {
  return print(a).json().get<std::string>();
}

Value html(Arguments a) {
  std::string text;
  for (char c : concatenate(a)) {
    switch (c) {
      case '&':
        text += "&amp;";
        break;
      case '<':
        text += "&lt;";
        break;
      case '>':
        text += "&gt;";
        break;
      case '"':
        text += "&#34;";
        break;
      case '\'':
        text += "&#39;";
        break;
      default:
        text += c;
    }
  }
  return Value(Json(std::move(text)));
}

Value js(Arguments a) {
  std::string text;
  for (char c : concatenate(a)) {
    if (c == '\\' || c == '\'' || c == '"')
      text += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20 || c == '<' || c == '>' || c == '&' || c == '=')
      text += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    else
      text += c;
  }
  return Value(Json(std::move(text)));
}

Value urlquery(Arguments a) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  std::string text;
  for (char c : concatenate(a)) {
    if (plain.find(c) != plain.npos)
      text += c;
    else
      text += c == ' ' ? "+" : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return Value(Json(std::move(text)));
}

// `and` and `or` with all their arguments at hand, as the end of a pipeline has them.
Value conjunction(Arguments a) {
  for (const Value& value : a)
    if (!value.truth()) return value;
  return a.back();
}
Value disjunction(Arguments a) {
  for (const Value& value : a)
    if (value.truth()) return value;
  return a.back();
}

constexpr size_t any_number = 1000;

struct Function {
  std::string_view name;
  size_t least;
  size_t most;
  Value (*call)(Arguments);
};

constexpr Function functions[] = {
    {"and", 1, any_number, conjunction},
    {"eq", 2, any_number, equal},
    {"ge", 2, 2, greater_or_equal},
    {"gt", 2, 2, greater},
    {"html", 0, any_number, html},
    {"index", 1, any_number, index},
    {"join", 2, 2, join},
    {"js", 0, any_number, js},
    {"json", 1, 1, json},
    {"le", 2, 2, less_or_equal},
    {"len", 1, 1, length},
    {"lower", 1, 1, lower},
    {"lt", 2, 2, less},
    {"ne", 2, 2, not_equal},
    {"not", 1, 1, negation},
    {"or", 1, any_number, disjunction},
    {"pad", 3, 3, pad},
    {"print", 0, any_number, print},
    {"printf", 1, any_number, printf},
    {"println", 0, any_number, println},
    {"slice", 1, 3, slice},
    {"split", 2, 2, split},
    {"title", 1, 1, title},
    {"truncate", 2, 2, truncate},
    {"upper", 1, 1, upper},
    {"urlquery", 0, any_number, urlquery},
};

const Function* find_function(std::string_view name) {
  auto found = std::find_if(std::begin(functions), std::end(functions),
                            [&](const Function& function) { return function.name == name; });
  return found == std::end(functions) ? nullptr : found;
}

}  // namespace

bool is_template_function(std::string_view name) {
  return find_function(name) != nullptr;
}

Value call_template_function(std::string_view name, Arguments arguments) {
  const Function* function = find_function(name);
  if (function == nullptr) fail(name, "no such function");
  if (arguments.size() < function->least || arguments.size() > function->most) {
    const char* at_least = function->most == any_number ? "at least " : "";
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("wrong number of args for {}: want {}{} got {}", name, at_least,
                                 function->least, arguments.size()));
  }
  return function->call(arguments);
}

}  // namespace ctr::cli
