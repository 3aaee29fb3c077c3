// The `filters` of list requests: which objects a client wants to see. Docker's clients send JSON
// in one of two shapes, {"label": {"a=b": true}} or {"label": ["a=b"]}; both mean the same. Pure.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctr::daemon {

class Filters {
 public:
  Filters() = default;
  // From the query's text; "" is no filter. Throws Error{invalid_argument} "invalid filter".
  static Filters parse(std::string_view text);

  bool empty() const { return values_.empty(); }
  bool has(std::string_view name) const { return values_.contains(std::string(name)); }
  const std::vector<std::string>& values(std::string_view name) const;  // empty where not asked for

  // As if it had not been asked for.
  void erase(std::string_view name) { values_.erase(std::string(name)); }

  // Throws Error{invalid_argument} "invalid filter 'name'" for names that the request does not
  // know.
  void expect_only(std::initializer_list<std::string_view> known) const;

  // Each of these is true where the filter is absent; several values of one name are alternatives.
  bool matches_exactly(std::string_view name, std::string_view value) const;
  bool matches_prefix(std::string_view name, std::string_view value) const;  // value starts with it
  bool matches_pattern(std::string_view name, std::string_view value) const;  // see below
  // "label" filters, "key" or "key=value": all of them must hold.
  bool matches_labels(std::string_view name,
                      const std::map<std::string, std::string>& labels) const;

  // The one value of a filter that is yes or no: true/1, false/0. nullopt where absent; throws
  // Error{invalid_argument} "invalid filter 'dangling=[maybe]'".
  std::optional<bool> find_bool(std::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

// True if the extended regular expression is found in the text. Never runs away, whatever the
// pattern (P12): long texts, long patterns, back references and bounded repetition are searched for
// literally, as are patterns that do not compile.
bool pattern_found(const std::string& pattern, const std::string& text);

}  // namespace ctr::daemon
