#include "cli/credential_helper.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/json_member.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/process.h"

extern char** environ;

namespace ctr::cli {

namespace {

using nlohmann::json;

constexpr size_t answer_limit = 1 << 20;

std::string find_program(const std::string& name) {
  const char* variable = std::getenv("PATH");
  std::string_view path = variable == nullptr ? "/usr/bin:/bin" : variable;
  while (!path.empty()) {
    std::string_view directory = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(path.size(), directory.size() + 1));
    std::string program = std::string(directory) + "/" + name;
    if (!directory.empty() && directory[0] == '/' && ::access(program.c_str(), X_OK) == 0)
      return program;
  }
  throw sys::Error(sys::ErrorKind::not_found,
                   fmt::format("the credential helper '{}' of config.json is not in PATH", name));
}

std::vector<std::string> own_environment() {
  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    environment.emplace_back(*variable);
  return environment;
}

struct Outcome {
  int exit_code = 0;
  std::string output;
};

// What is asked is short: it fits into the pipe whether or not the helper reads it.
Outcome run_helper(const std::string& helper, const std::string& verb, const std::string& input) {
  int in[2], out[2];
  sys::check(::pipe2(in, O_CLOEXEC), "pipe");
  sys::UniqueFd input_read(in[0]), input_write(in[1]);
  sys::check(::pipe2(out, O_CLOEXEC), "pipe");
  sys::UniqueFd output_read(out[0]), output_write(out[1]);
  sys::Process process = sys::spawn(
      {.program = find_program("docker-credential-" + helper),
       .arguments = {verb},
       .environment = own_environment(),
       .descriptors = {{input_read.get(), 0}, {output_write.get(), 1}, {STDERR_FILENO, 2}}});
  input_read.reset();
  output_write.reset();
  sys::write_all(input_write.get(), input, "pipe");
  input_write.reset();
  std::string output = sys::read_all(output_read.get(), answer_limit, "the credential helper");
  return {process.wait().exit_code(), std::move(output)};
}

void expect_success(const Outcome& outcome, const std::string& helper) {
  if (outcome.exit_code == 0) return;
  throw sys::Error(sys::ErrorKind::internal, fmt::format("the credential helper '{}' failed: {}",
                                                         helper, outcome.output.substr(0, 200)));
}

}  // namespace

std::optional<std::string> find_helper_name(std::string_view config, const std::string& key) {
  json parsed = json::parse(config, nullptr, false);
  if (std::string name = string_member(object_member(parsed, "credHelpers"), key.c_str());
      !name.empty())
    return name;
  std::string store = string_member(parsed, "credsStore");
  return store.empty() ? std::nullopt : std::optional(store);
}

std::optional<StoredCredentials> get_from_helper(const std::string& helper,
                                                 const std::string& server) {
  Outcome outcome = run_helper(helper, "get", server);
  if (outcome.exit_code != 0 && outcome.output.find("not found") != std::string::npos)
    return std::nullopt;
  expect_success(outcome, helper);
  json answer = json::parse(outcome.output, nullptr, false);
  return StoredCredentials{string_member(answer, "Username"), string_member(answer, "Secret")};
}

void store_in_helper(const std::string& helper, const std::string& server,
                     const StoredCredentials& credentials) {
  json request = {
      {"ServerURL", server}, {"Username", credentials.username}, {"Secret", credentials.secret}};
  expect_success(run_helper(helper, "store", request.dump()), helper);
}

void erase_from_helper(const std::string& helper, const std::string& server) {
  expect_success(run_helper(helper, "erase", server), helper);
}

}  // namespace ctr::cli
