#include "cli/environment.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "cli/raw_terminal.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

namespace ctr::cli {

namespace {

using sys::Error;
using sys::ErrorKind;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::string_view blanks = " \t\v\f\r";

struct Line {
  std::string key;
  std::optional<std::string> value;
};

std::string_view without_leading_blanks(std::string_view text) {
  size_t begin = text.find_first_not_of(blanks);
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

// nullopt for lines without meaning.
std::optional<Line> parse_line(std::string_view text, const std::string& where) {
  text = without_leading_blanks(text);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (text.empty() || text[0] == '#') return std::nullopt;
  size_t equals = text.find('=');
  Line line{.key = std::string(text.substr(0, equals)), .value = {}};
  if (equals != std::string_view::npos) line.value = std::string(text.substr(equals + 1));
  if (line.key.find_first_of(blanks) != std::string::npos)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("{}: variable '{}' contains whitespaces", where, line.key));
  if (line.key.empty())
    throw Error(ErrorKind::invalid_argument,
                fmt::format("{}: no variable name in '{}'", where, text));
  return line;
}

std::vector<Line> parse_lines(std::string_view content, const std::string& name) {
  if (content.starts_with(byte_order_mark)) content.remove_prefix(byte_order_mark.size());
  if (content.find('\0') != std::string_view::npos)
    throw Error(ErrorKind::invalid_argument, fmt::format("{}: it is not a text file", name));
  std::vector<Line> lines;
  for (int number = 1; !content.empty(); ++number) {
    size_t end = content.find('\n');
    if (auto line = parse_line(content.substr(0, end), fmt::format("{}, line {}", name, number)))
      lines.push_back(std::move(*line));
    content = end == std::string_view::npos ? "" : content.substr(end + 1);
  }
  return lines;
}

}  // namespace

Surroundings process_surroundings() {
  Surroundings surroundings;
  surroundings.find_variable = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
  surroundings.read_file = [](const std::string& path) { return sys::read_file(path); };
  char directory[PATH_MAX];
  if (::getcwd(directory, sizeof directory)) surroundings.working_directory = directory;
  if (std::optional<TerminalSize> size = find_terminal_size(STDOUT_FILENO)) {
    surroundings.terminal_rows = size->rows;
    surroundings.terminal_columns = size->columns;
  }
  return surroundings;
}

std::string parse_variable(const std::string& text, const Surroundings& surroundings) {
  size_t equals = text.find('=');
  if (text.empty() || equals == 0)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("invalid environment variable: '{}'; say NAME=VALUE", text));
  if (equals != std::string::npos) return text;
  std::optional<std::string> value = surroundings.find_variable(text);
  return value ? text + "=" + *value : text;
}

std::vector<std::string> parse_env_file(std::string_view content, const std::string& name,
                                        const Surroundings& surroundings) {
  std::vector<std::string> variables;
  for (const Line& line : parse_lines(content, name)) {
    std::optional<std::string> value =
        line.value ? line.value : surroundings.find_variable(line.key);
    if (value) variables.push_back(line.key + "=" + *value);
  }
  return variables;
}

std::vector<std::string> collect_environment(const std::vector<std::string>& files,
                                             const std::vector<std::string>& variables,
                                             const Surroundings& surroundings) {
  std::vector<std::string> all;
  for (const std::string& file : files)
    for (std::string& variable : parse_env_file(surroundings.read_file(file), file, surroundings))
      all.push_back(std::move(variable));
  for (const std::string& variable : variables)
    all.push_back(parse_variable(variable, surroundings));
  return all;
}

std::map<std::string, std::string> collect_labels(const std::vector<std::string>& files,
                                                  const std::vector<std::string>& labels,
                                                  const Surroundings& surroundings) {
  std::map<std::string, std::string> all;
  for (const std::string& file : files)
    for (const Line& line : parse_lines(surroundings.read_file(file), file))
      all[line.key] = line.value.value_or("");
  for (const std::string& label : labels) {
    size_t equals = label.find('=');
    if (label.empty() || equals == 0)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("invalid label '{}': say key=value", label));
    all[label.substr(0, equals)] = equals == std::string::npos ? "" : label.substr(equals + 1);
  }
  return all;
}

}  // namespace ctr::cli
