// The process of an exec: from a file, or from the container's own process and the command line. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/oci/options.h"
#include "runtime/spec.h"

namespace ctr::runtime::oci {

struct ExecOptions {
  std::string process_file;
  std::vector<std::string> capabilities;
  std::vector<std::string> env;
  std::string cwd;
  std::string user;  // "uid[:gid]"
  std::vector<std::string> additional_gids;
  bool terminal = false;
  bool no_new_privileges = false;
  std::string apparmor_profile;
  std::string selinux_label;

  void declare(Options& options);
};

// `file` is the text of --process, nullopt without it. Error{invalid_argument} names field or option.
Process plan_exec(const Process& container, const ExecOptions& options,
                  const std::optional<std::string>& file, const std::vector<std::string>& args);

}  // namespace ctr::runtime::oci
