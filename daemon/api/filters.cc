#include "daemon/api/filters.h"

#include <regex.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

namespace {

constexpr size_t pattern_limit = 128;
constexpr size_t text_limit = 1024;

[[noreturn]] void fail_invalid() {
  throw Error(ErrorKind::invalid_argument, "invalid filter");
}

std::vector<std::string> values_of(const json& field) {
  std::vector<std::string> values;
  if (field.is_object()) {
    for (auto item = field.begin(); item != field.end(); ++item) {
      if (!item->is_boolean()) fail_invalid();
      if (item->get<bool>()) values.push_back(item.key());
    }
  } else if (field.is_array()) {
    for (const json& item : field) {
      if (!item.is_string()) fail_invalid();
      values.push_back(item.get<std::string>());
    }
  } else if (!field.is_null()) {
    fail_invalid();
  }
  return values;
}

// What makes glibc's matcher slow or large: \1 … \9 and x{1,1000}.
bool is_tame(const std::string& pattern) {
  if (pattern.size() > pattern_limit || pattern.find('{') != std::string::npos) return false;
  for (size_t i = 0; i + 1 < pattern.size(); ++i)
    if (pattern[i] == '\\' && pattern[i + 1] >= '0' && pattern[i + 1] <= '9') return false;
  return true;
}

}  // namespace

Filters Filters::parse(std::string_view text) {
  Filters filters;
  if (text.empty()) return filters;
  json fields;
  try {
    fields = parse_json(text, 8);
  } catch (const Error&) {
    fail_invalid();
  }
  if (fields.is_null()) return filters;
  if (!fields.is_object()) fail_invalid();
  for (auto field = fields.begin(); field != fields.end(); ++field) {
    std::vector<std::string> values = values_of(*field);
    if (!values.empty()) filters.values_.emplace(field.key(), std::move(values));
  }
  return filters;
}

const std::vector<std::string>& Filters::values(std::string_view name) const {
  static const std::vector<std::string> none;
  auto found = values_.find(std::string(name));
  return found == values_.end() ? none : found->second;
}

void Filters::expect_only(std::initializer_list<std::string_view> known) const {
  for (const auto& [name, values] : values_)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw Error(ErrorKind::invalid_argument, fmt::format("invalid filter '{}'", name));
}

bool Filters::matches_exactly(std::string_view name, std::string_view value) const {
  const std::vector<std::string>& wanted = values(name);
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}

bool Filters::matches_prefix(std::string_view name, std::string_view value) const {
  const std::vector<std::string>& wanted = values(name);
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& text) {
           return value.starts_with(text);
         });
}

bool Filters::matches_pattern(std::string_view name, std::string_view value) const {
  const std::vector<std::string>& wanted = values(name);
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& text) {
           return pattern_found(text, std::string(value));
         });
}

bool Filters::matches_labels(std::string_view name,
                             const std::map<std::string, std::string>& labels) const {
  const std::vector<std::string>& wanted = values(name);
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& text) {
    size_t equals = text.find('=');
    auto label = labels.find(text.substr(0, equals));
    if (label == labels.end()) return false;
    return equals == std::string::npos || label->second == text.substr(equals + 1);
  });
}

std::optional<bool> Filters::find_bool(std::string_view name) const {
  const std::vector<std::string>& wanted = values(name);
  if (wanted.empty()) return std::nullopt;
  auto is = [&](std::initializer_list<std::string_view> texts) {
    return wanted.size() == 1 &&
           std::find(texts.begin(), texts.end(), wanted.front()) != texts.end();
  };
  if (is({"1", "true"})) return true;
  if (is({"0", "false"})) return false;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("invalid filter '{}=[{}]'", name, fmt::join(wanted, " ")));
}

bool pattern_found(const std::string& pattern, const std::string& text) {
  regex_t compiled;
  if (!is_tame(pattern) || text.size() > text_limit ||
      ::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
    return text.find(pattern) != std::string::npos;
  bool found = ::regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  ::regfree(&compiled);
  return found;
}

}  // namespace ctr::daemon
