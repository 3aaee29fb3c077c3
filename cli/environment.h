// Environment variables and labels as users write them. Pure but for what they are handed.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctr::cli {

// What the pure parts of option parsing may ask of the world.
struct Surroundings {
  std::function<std::optional<std::string>(const std::string& name)> find_variable;
  std::function<std::string(const std::string& path)> read_file;  // throws sys::Error
  std::string working_directory;                                  // for relative paths in -v
  unsigned terminal_rows = 0;                                     // 0: no terminal
  unsigned terminal_columns = 0;
};
// The process's own.
Surroundings process_surroundings();

// One -e: "A=1" as it is; "A" takes our value, and stays "A" without one, which unsets it.
std::string parse_variable(const std::string& text, const Surroundings& surroundings);

// A file of --env-file: lines "A=1" or "A"; empty lines and lines that begin with # are skipped.
// `name` is for errors. Variables without value that we do not have are left out.
std::vector<std::string> parse_env_file(std::string_view content, const std::string& name,
                                        const Surroundings& surroundings);

// All of --env-file, then all of -e: the later one counts.
std::vector<std::string> collect_environment(const std::vector<std::string>& files,
                                             const std::vector<std::string>& variables,
                                             const Surroundings& surroundings);

// All of --label-file, then all of --label: "key=value" or "key".
std::map<std::string, std::string> collect_labels(const std::vector<std::string>& files,
                                                  const std::vector<std::string>& labels,
                                                  const Surroundings& surroundings);

}  // namespace ctr::cli
