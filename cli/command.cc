#include "cli/command.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "runtime/sys/file.h"

namespace ctr::cli {

namespace {

constexpr size_t pending_limit = 64 << 10;
constexpr std::string_view default_host = "unix:///run/ctr/ctrd.sock";

std::string chosen_host(const GlobalOptions& options) {
  if (!options.host.empty()) return options.host;
  for (const char* variable : {"CTR_HOST", "DOCKER_HOST"})
    if (const char* value = std::getenv(variable); value && *value) return value;
  return std::string(default_host);
}

// Standard error may be closed or full: there is nobody left to tell.
void write_error(std::string_view prefix, std::string_view text) {
  std::string line = fmt::format("{}{}\n", prefix, text);
  std::string_view rest = line;
  while (!rest.empty()) {
    ssize_t written =
        sys::retry_on_signal([&] { return ::write(STDERR_FILENO, rest.data(), rest.size()); });
    if (written <= 0) return;
    rest.remove_prefix(static_cast<size_t>(written));
  }
}

// What the daemon's errors do not say themselves: the next step.
std::string advice_for(const sys::Error& error) {
  std::string_view text = error.what();
  auto says = [text](std::string_view part) { return text.find(part) != std::string_view::npos; };
  if (says("o such container:")) return "; 'ctr ps -a' lists the containers";
  if (says("o such image:")) return "; 'ctr images' lists the images, 'ctr pull' fetches one";
  if (says("is not running") && error.kind() == sys::ErrorKind::conflict)
    return "; 'ctr start' starts it again";
  return "";
}

}  // namespace

void takes_operands(CLI::App* command, std::string usage) {
  command->prefix_command();
  command->footer(std::move(usage));
}

Context::Context() = default;
Context::~Context() = default;

Client& Context::client() {
  if (!client_) client_ = std::make_unique<Client>(chosen_host(options), options.debug);
  return *client_;
}

void Context::out(std::string_view text) {
  pending_ += text;
  if (pending_.size() >= pending_limit) flush();
}

void Context::out_line(std::string_view text) {
  pending_ += text;
  out("\n");
}

void Context::flush() {
  if (pending_.empty()) return;
  std::string text = std::exchange(pending_, {});
  try {
    sys::write_all(STDOUT_FILENO, text, "standard output");
  } catch (const sys::Error& error) {
    if (error.error_number() == EPIPE) throw Exit{exit_code};
    throw;
  }
}

void Context::error_line(std::string_view text) {
  flush();
  write_error("ctr: ", text);
}

void Context::report(const sys::Error& error) {
  error_line(error.what() + advice_for(error));
}

void Context::warning_line(std::string_view text) {
  flush();
  write_error("ctr: warning: ", text);
}

void Context::notice_line(std::string_view text) {
  flush();
  write_error("", text);
}

}  // namespace ctr::cli
