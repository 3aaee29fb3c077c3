#include "runtime/oci/options.h"

#include <algorithm>
#include <charconv>

namespace ctr::runtime::oci {

namespace {

// "-bundle" is "--bundle", as Go's flag package has it.
std::string dashes_completed(const std::string& name) {
  return name.size() > 2 && name[1] != '-' ? "-" + name : name;
}

bool parse_truth(const std::string& name, const std::string& value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  throw UsageError(fmt::format("{} takes true or false, not '{}'", name, value));
}

std::string left_column(const std::string& short_name, const std::string& long_name,
                        const std::string& value) {
  return fmt::format("  {:4}{}{}{}", short_name.empty() ? "" : short_name + ",", long_name,
                     value.empty() ? "" : " ", value);
}

}  // namespace

std::optional<int64_t> find_decimal(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

Options::Option& Options::add(std::string_view names, std::string_view value,
                              std::string_view help) {
  Option option;
  size_t comma = names.find(',');
  if (comma != std::string_view::npos) option.short_name = names.substr(0, comma);
  option.long_name = comma == std::string_view::npos ? names : names.substr(comma + 1);
  option.value = value;
  option.help = help;
  return options_.emplace_back(std::move(option));
}

void Options::flag(std::string_view names, bool& target, std::string_view help) {
  add(names, "", help).flag = &target;
}

void Options::text(std::string_view names, std::string& target, std::string_view value,
                   std::string_view help) {
  add(names, value, help).text = &target;
}

void Options::list(std::string_view names, std::vector<std::string>& target,
                   std::string_view value, std::string_view help) {
  add(names, value, help).list = &target;
}

void Options::number(std::string_view names, std::optional<int64_t>& target,
                     std::string_view value, std::string_view help) {
  add(names, value, help).number = &target;
}

const Options::Option& Options::find(const std::string& name) const {
  for (const Option& option : options_)
    if (name == option.short_name || dashes_completed(name) == option.long_name) return option;
  throw UsageError(fmt::format("flag provided but not defined: {}", name));
}

void Options::store(const Option& option, const std::string& name, const std::string& value) {
  if (option.text != nullptr) *option.text = value;
  if (option.list != nullptr) option.list->push_back(value);
  if (option.flag != nullptr) *option.flag = parse_truth(name, value);
  if (option.number == nullptr) return;
  *option.number = find_decimal(value);
  if (!*option.number) throw UsageError(fmt::format("{} takes a number, not '{}'", name, value));
}

Options::Parsed Options::parse(const std::vector<std::string>& words) const {
  Parsed parsed;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool is_operand = word.size() < 2 || word[0] != '-';
    if (word == "--" || (is_operand && ends_at_operand_)) {
      const size_t first = i + (word == "--" ? 1 : 0);
      parsed.operands.insert(parsed.operands.end(), words.begin() + first, words.end());
      return parsed;
    }
    if (is_operand) {
      parsed.operands.push_back(word);
      continue;
    }
    if (word == "--help" || word == "-h" || word == "-help") {
      parsed.help = true;
      return parsed;
    }
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const Option& option = find(name);
    if (equals != std::string::npos) {
      store(option, name, word.substr(equals + 1));
    } else if (option.flag != nullptr) {
      *option.flag = true;
    } else {
      if (i + 1 == words.size()) throw UsageError(fmt::format("flag needs an argument: {}", name));
      store(option, name, words[++i]);
    }
  }
  return parsed;
}

std::string Options::help() const {
  size_t width = 0;
  for (const Option& option : options_)
    width = std::max(width, left_column(option.short_name, option.long_name, option.value).size());
  std::string text;
  for (const Option& option : options_)
    text += fmt::format("{:{}}   {}\n",
                        left_column(option.short_name, option.long_name, option.value), width,
                        option.help);
  return text;
}

}  // namespace ctr::runtime::oci
