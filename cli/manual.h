// Manual pages, made from the same declarations that parse the command line, so that they cannot
// drift from it. Pure.
#pragma once

#include <CLI/App.hpp>

#include <string>
#include <string_view>

#include "cli/commands.h"

namespace ctr::cli {

// "ctr-container-ls" for the page of `ctr container ls`.
std::string manual_name(const CommandRow& row);

// The page of one command, in roff.
std::string command_manual(const CommandRow& row);
// ctr(1): the list of all commands and what holds for all of them.
std::string root_manual();

// Text as roff prints it: a line's leading dot, dashes and backslashes are not
// roff's, and letters beyond ASCII are spelled out.
std::string escape_roff(std::string_view text);

}  // namespace ctr::cli
