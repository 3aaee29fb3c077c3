// arrange_arguments(): Docker's rules for options, so that CLI11 only converts and stores.
#include <algorithm>

#include "cli/command_line.h"
#include "cli/suggest.h"

namespace ctr::cli {

namespace {

bool is_switch(const CLI::Option& option) {
  return option.get_items_expected_max() == 0;
}

const CLI::Option* find_option(const CLI::App& command, std::string_view name, bool is_long) {
  for (const CLI::Option* option : command.get_options()) {
    const auto& names = is_long ? option->get_lnames() : option->get_snames();
    if (std::find(names.begin(), names.end(), name) != names.end()) return option;
  }
  return nullptr;
}

// What Go's strconv.ParseBool takes.
std::string parse_switch(const std::string& value, const std::string& typed) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (value == yes) return "true";
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"})
    if (value == no) return "false";
  throw UsageError(
      fmt::format("invalid argument \"{}\" for \"{}\": say true or false", value, typed));
}

[[noreturn]] void throw_unknown(const CLI::App& command, const std::string& name) {
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& long_name : option->get_lnames()) known.push_back(long_name);
  std::optional<std::string> close = find_suggestion(name, known);
  std::string advice = close ? fmt::format("; did you mean --{}?", *close) : "";
  throw UsageError(fmt::format("unknown flag: --{}{}", name, advice));
}

// Works through one command's arguments from left to right.
class Arranger {
 public:
  Arranger(const CLI::App& command, const std::vector<std::string>& arguments)
      : command_(command), arguments_(arguments) {}

  ArrangedArguments arrange(bool stop_at_operand) {
    while (next_ < arguments_.size()) {
      const std::string& argument = arguments_[next_++];
      if (argument == "--") return take_rest();
      if (argument.starts_with("--")) {
        take_long(argument);
      } else if (argument.size() > 1 && argument[0] == '-') {
        take_short(argument);
      } else {
        result_.operands.push_back(argument);
        if (stop_at_operand) return take_rest();
      }
    }
    return std::move(result_);
  }

 private:
  ArrangedArguments take_rest() {
    result_.operands.insert(result_.operands.end(), arguments_.begin() + next_, arguments_.end());
    return std::move(result_);
  }

  void take_long(const std::string& argument) {
    size_t equals = argument.find('=');
    std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    const CLI::Option* option = find_option(command_, name, true);
    if (name == "help" && option == command_.get_help_ptr()) {
      result_.help = true;
      return;
    }
    if (!option) throw_unknown(command_, name);
    if (equals != std::string::npos)
      put(*option, "--" + name, argument.substr(equals + 1));
    else if (is_switch(*option))
      result_.options.push_back("--" + name);
    else
      put(*option, "--" + name, next_value("--" + name));
  }

  // "-it", "-e A", "-eA=1", "-d=false": a letter that takes a value takes the rest.
  void take_short(const std::string& argument) {
    for (size_t i = 1; i < argument.size(); ++i) {
      std::string letter(1, argument[i]);
      const CLI::Option* option = find_option(command_, letter, false);
      if (!option && letter == "h") {
        result_.help = true;
        continue;
      }
      if (!option)
        throw UsageError(fmt::format("unknown shorthand flag: '{}' in {}", letter, argument));
      bool assigned = i + 1 < argument.size() && argument[i + 1] == '=';
      if (is_switch(*option) && !assigned) {
        result_.options.push_back("-" + letter);
        continue;
      }
      std::string rest = argument.substr(i + (assigned ? 2 : 1));
      put(*option, "-" + letter,
          rest.empty() && !assigned ? next_value(fmt::format("'{}' in {}", letter, argument))
                                    : rest);
      return;
    }
  }

  std::string next_value(const std::string& typed) {
    if (next_ == arguments_.size()) throw UsageError("flag needs an argument: " + typed);
    return arguments_[next_++];
  }

  void put(const CLI::Option& option, const std::string& typed, const std::string& value) {
    if (is_switch(option)) {
      // CLI11 takes a value behind "=" only from a long name.
      std::string name = option.get_lnames().empty() ? typed : "--" + option.get_lnames().front();
      result_.options.push_back(name + "=" + parse_switch(value, typed));
    } else {
      result_.options.push_back(typed);
      result_.options.push_back(value);
    }
  }

  const CLI::App& command_;
  const std::vector<std::string>& arguments_;
  size_t next_ = 0;
  ArrangedArguments result_;
};

}  // namespace

ArrangedArguments arrange_arguments(const CLI::App& command,
                                    const std::vector<std::string>& arguments,
                                    bool stop_at_operand) {
  return Arranger(command, arguments).arrange(stop_at_operand);
}

}  // namespace ctr::cli
