// The options of a command line, declared as a table. By hand and not by CLI11, because a start is
// measured in milliseconds: building CLI11's objects costs each call of ctr-runtime 0.5 ms of the 4
// that a whole container takes.
//
//   Options options;
//   options.flag("-d,--detach", detach, "return when the process runs");
//   options.text("-b,--bundle", bundle, "DIRECTORY", "where config.json lies");
//
// What callers of runc and crun write is understood: "--name value", "--name=value", "-n value",
// "-name value", "--flag=false", "--" before operands.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sys/error.h"

namespace ctr::runtime::oci {

// The command line cannot be meant so. The message names the option.
class UsageError : public sys::Error {
 public:
  explicit UsageError(const std::string& message)
      : sys::Error(sys::ErrorKind::invalid_argument, message) {}
};

class Options {
 public:
  // The targets must outlive parse(). An option that stands twice: the last one counts, lists collect.
  void flag(std::string_view names, bool& target, std::string_view help);
  void text(std::string_view names, std::string& target, std::string_view value,
            std::string_view help);
  void list(std::string_view names, std::vector<std::string>& target, std::string_view value,
            std::string_view help);
  // Decimal, may be negative.
  void number(std::string_view names, std::optional<int64_t>& target, std::string_view value,
              std::string_view help);
  // From the first operand on everything is an operand: a command line of the container's.
  void end_at_operand() { ends_at_operand_ = true; }

  struct Parsed {
    std::vector<std::string> operands;
    bool help = false;  // --help or -h was among them: nothing was checked behind it
  };
  Parsed parse(const std::vector<std::string>& words) const;

  // "  -b, --bundle DIRECTORY   where config.json lies\n" for each.
  std::string help() const;

 private:
  struct Option {
    std::string long_name;   // "--bundle"
    std::string short_name;  // "-b", or empty
    std::string value;       // "DIRECTORY"; empty for flags
    std::string help;
    bool* flag = nullptr;
    std::string* text = nullptr;
    std::vector<std::string>* list = nullptr;
    std::optional<int64_t>* number = nullptr;
  };

  Option& add(std::string_view names, std::string_view value, std::string_view help);
  const Option& find(const std::string& name) const;
  static void store(const Option& option, const std::string& name, const std::string& value);

  std::vector<Option> options_;
  bool ends_at_operand_ = false;
};

// The whole text as a decimal number; nullopt for anything else.
std::optional<int64_t> find_decimal(std::string_view text);

}  // namespace ctr::runtime::oci
