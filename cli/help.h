// What --help prints.
#pragma once

#include <CLI/App.hpp>

#include <string>
#include <string_view>

namespace ctr::cli {

// `ctr --help`: the commands under their headings, one line each.
std::string root_help(const CLI::App& global_options);
// `ctr container --help`.
std::string group_help(std::string_view group);
// `ctr run --help`. `command` as typed: "ctr container run".
std::string command_help(const CLI::App& app, std::string_view command);
// "ctr rm [OPTIONS] CONTAINER [CONTAINER...]"
std::string usage_line(const CLI::App& app, std::string_view command);

}  // namespace ctr::cli
