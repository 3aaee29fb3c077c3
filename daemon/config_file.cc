#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/config_settings.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

namespace {

const Setting* find_setting(const std::string& key) {
  for (const Setting& setting : settings())
    if (key == setting.key) return &setting;
  return nullptr;
}

// A setting that is off or empty asks for nothing.
bool asks_for_something(const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value != 0;
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  return !value.empty();
}

std::map<std::string, UlimitSetting> read_ulimits(const JsonObject& file) {
  std::map<std::string, UlimitSetting> limits;
  for (const auto& [name, limit] : file.object_map("default-ulimits"))
    limits[name] = {limit.integer("Soft"), limit.integer("Hard")};
  return limits;
}

std::vector<AddressPoolSetting> read_address_pools(const JsonObject& file) {
  std::vector<AddressPoolSetting> pools;
  for (const JsonObject& pool : file.objects("default-address-pools"))
    pools.push_back({pool.string("base"), pool.integer("size")});
  return pools;
}

struct Assign {
  Config& config;
  const Setting& setting;
  const JsonObject& file;

  void operator()(std::string Config::*member) const { config.*member = file.string(setting.key); }
  void operator()(bool Config::*member) const { config.*member = file.boolean(setting.key); }
  void operator()(int64_t Config::*member) const { config.*member = file.integer(setting.key); }
  void operator()(std::vector<std::string> Config::*member) const {
    config.*member = file.strings(setting.key);
  }
  void operator()(std::map<std::string, std::string> Config::*member) const {
    config.*member = file.string_map(setting.key);
  }
  void operator()(std::map<std::string, UlimitSetting> Config::*member) const {
    config.*member = read_ulimits(file);
  }
  void operator()(std::vector<AddressPoolSetting> Config::*member) const {
    config.*member = read_address_pools(file);
  }
  void operator()(NoEffect) const { note_unused(config, setting); }
  void operator()(Refused) const {
    if (asks_for_something(*file.find(setting.key))) note_unused(config, setting);
  }
};

void expect_known(const std::vector<std::string>& unknown) {
  if (unknown.empty()) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("the following directives don't match any configuration option: {}",
                          fmt::join(unknown, ", ")));
}

void expect_not_given_twice(const std::vector<std::string>& twice) {
  if (twice.empty()) return;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("the following directives are specified both as a flag and in the "
                          "configuration file: {}",
                          fmt::join(twice, ", ")));
}

void apply(Config& config, const json& document, const std::set<std::string>& given) {
  JsonObject file(document);
  std::vector<std::string> unknown;
  std::vector<std::string> twice;
  for (auto item = document.begin(); item != document.end(); ++item) {
    if (find_setting(item.key()) == nullptr) unknown.push_back(item.key());
    if (given.contains(item.key())) twice.push_back(item.key());
  }
  expect_known(unknown);
  expect_not_given_twice(twice);
  for (auto item = document.begin(); item != document.end(); ++item) {
    const Setting& setting = *find_setting(item.key());
    if (!item->is_null()) std::visit(Assign{config, setting, file}, setting.member);
  }
}

}  // namespace

void apply_config_file(Config& config, const std::string& path, const std::string& text,
                       const std::set<std::string>& given) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return;
  try {
    json document = parse_json(text);
    if (!document.is_object()) throw Error(ErrorKind::invalid_argument, "must be a JSON object");
    apply(config, document, given);
  } catch (const Error& error) {
    throw Error(error.kind(),
                fmt::format("unable to configure the daemon with file {}: {}", path, error.what()));
  }
}

}  // namespace ctr::daemon
