// One table of all settings: what the command line calls them, what the configuration file calls
// them, where the value goes. Internal to config.cc and config_file.cc.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <set>
#include <string>
#include <variant>
#include <vector>

#include "daemon/config.h"

namespace ctr::daemon {

// Accepted and without effect: what dockerd would do differently is said in a warning …
struct NoEffect {
  enum class Kind { flag, value, any } kind = Kind::any;
};
// … or refused, where going on would mean less isolation or another address than was asked for.
struct Refused {
  enum class Kind { flag, value } kind = Kind::value;
};

using Member =
    std::variant<std::string Config::*, bool Config::*, int64_t Config::*,
                 std::vector<std::string> Config::*, std::map<std::string, std::string> Config::*,
                 std::map<std::string, UlimitSetting> Config::*,
                 std::vector<AddressPoolSetting> Config::*, NoEffect, Refused>;

struct Setting {
  const char* flags;  // as CLI11 takes them: "-H,--host"; "" if only the file has it
  const char* key;    // of the configuration file; "" if only the command line has it
  Member member;
  const char* help;
};

const std::vector<Setting>& settings();

// Sets what the file's text says; `given` are the keys of the flags on the command line, which the
// file must not give again. Throws Error{invalid_argument}.
void apply_config_file(Config& config, const std::string& path, const std::string& text,
                       const std::set<std::string>& given);

// For one setting given on the command line or in the file that ctrd does not act on.
void note_unused(Config& config, const Setting& setting);

void add_key_value(std::map<std::string, std::string>& map, const std::string& text,
                   const char* key);

}  // namespace ctr::daemon
