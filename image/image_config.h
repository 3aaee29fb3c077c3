// An image's configuration: what to run, and of which layers its root file system is made. The
// words of a stranger: whoever acts on them checks them first (users, paths, ports, signals). Pure.
// (OCI image-spec, config.md, with the members that Docker adds.)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/digest.h"
#include "image/platform.h"

namespace ctr::image {

inline constexpr size_t max_config_bytes = 8 << 20;

struct ImageHealthcheck {
  std::vector<std::string> test;  // empty: inherit; {"NONE"}; {"CMD", …}; {"CMD-SHELL", text}
  int64_t interval_ns = 0;
  int64_t timeout_ns = 0;
  int64_t start_period_ns = 0;
  int64_t start_interval_ns = 0;
  int64_t retries = 0;
};

// The member "config": defaults for a container.
struct ImageRunConfig {
  std::string user;
  std::vector<std::string> env;  // "NAME=value"
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::vector<std::string> volumes;        // paths
  std::vector<std::string> exposed_ports;  // "80/tcp"
  std::string stop_signal;
  std::optional<int64_t> stop_timeout;  // seconds
  std::optional<ImageHealthcheck> healthcheck;
  std::vector<std::string> shell;
  std::vector<std::string> on_build;
  bool args_escaped = false;
};

struct ImageHistory {
  std::string created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
};

struct ImageConfig {
  Platform platform;
  std::string os_version;
  std::string created;  // RFC 3339, as it came
  std::string author;
  ImageRunConfig config;
  std::vector<Digest> diff_ids;  // the lowest first
  std::vector<ImageHistory> history;
  std::string text;  // the document itself: its digest is the image's ID
};

// Refuses what parse_json_object() refuses, members of the wrong type, and diff IDs that are none.
// Where os or architecture are missing the host's are meant, as Docker has it.
ImageConfig parse_image_config(std::string_view text);

// Throws Error{invalid_argument} for an image of another operating system (M07).
void expect_runnable_system(const ImageConfig& config);

}  // namespace ctr::image
