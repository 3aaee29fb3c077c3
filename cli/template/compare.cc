#include "cli/template/compare.h"

#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

enum class Kind { nil, boolean, text, number, composite };

Kind kind_of(const Value& value) {
  const Json& json = value.json();
  if (json.is_null()) return Kind::nil;
  if (json.is_boolean()) return Kind::boolean;
  if (json.is_string()) return Kind::text;
  return json.is_number() ? Kind::number : Kind::composite;
}

[[noreturn]] void fail(std::string_view function, std::string_view message) {
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("error calling {}: {}", function, message));
}

}  // namespace

bool values_equal(std::string_view function, const Value& a, const Value& b) {
  Kind x = kind_of(a), y = kind_of(b);
  if (x == Kind::nil || y == Kind::nil) return x == y;
  if (x == Kind::composite || y == Kind::composite) fail(function, "non-comparable type");
  if (x != y) fail(function, "incompatible types for comparison");
  return a.json() == b.json();
}

bool value_less(std::string_view function, const Value& a, const Value& b) {
  Kind x = kind_of(a), y = kind_of(b);
  if (x != y) fail(function, "incompatible types for comparison");
  if (x != Kind::text && x != Kind::number) fail(function, "invalid type for comparison");
  return a.json() < b.json();
}

}  // namespace ctr::cli
