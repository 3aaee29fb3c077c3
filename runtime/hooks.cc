#include "runtime/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/process.h"
#include "runtime/sys/socket.h"
#include "runtime/sys/timestamp.h"

namespace ctr::runtime {

namespace {

constexpr size_t output_limit = 4096;  // of a hook's words in an error

[[noreturn]] void fail(const std::string& place, const std::string& why,
                       const std::string& output) {
  std::string words = output;
  while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) words.pop_back();
  throw sys::Error(sys::ErrorKind::internal, fmt::format("error running {}: {}{}{}", place, why,
                                                         words.empty() ? "" : ", output: ", words));
}

// Feeds the hook its state and takes what it says, until it has ended. A socket rather than two
// pipes: a hook that reads nothing must not hold us up, and a write to one that is gone must not
// kill us.
class RunningHook {
 public:
  RunningHook(const Hook& hook, const std::string& state) : input_(state) {
    auto [ours, theirs] = sys::socket_pair(SOCK_STREAM);
    sys::set_nonblocking(ours.get(), true);
    std::vector<std::string> arguments = hook.args;
    const std::string name = arguments.empty() ? hook.path : arguments[0];
    if (!arguments.empty()) arguments.erase(arguments.begin());
    process_ =
        sys::spawn({.program = hook.path,
                    .name = name,
                    .arguments = std::move(arguments),
                    .environment = hook.env,
                    .descriptors = {{theirs.get(), 0}, {theirs.get(), 1}, {theirs.get(), 2}}});
    socket_ = std::move(ours);
  }
  ~RunningHook() {
    if (!process_) return;
    process_.signal(SIGKILL);
    (void)process_.wait();
  }
  RunningHook(const RunningHook&) = delete;
  RunningHook& operator=(const RunningHook&) = delete;

  // nullopt: it did not end in time.
  std::optional<sys::ExitStatus> wait(std::optional<int> seconds) {
    const int64_t deadline =
        seconds ? sys::monotonic_now() + int64_t{*seconds} * 1'000'000'000 : INT64_MAX;
    while (true) {
      if (std::optional<sys::ExitStatus> status = process_.try_wait()) {
        read_output();
        process_ = {};
        return status;
      }
      int64_t left = deadline - sys::monotonic_now();
      if (left <= 0) return std::nullopt;
      pollfd items[2] = {
          {process_.pidfd(), POLLIN, 0},
          {socket_.get(), static_cast<short>(input_.empty() ? POLLIN : POLLIN | POLLOUT), 0}};
      int limit = deadline == INT64_MAX
                      ? -1
                      : static_cast<int>(std::min<int64_t>(left / 1'000'000 + 1, 60'000));
      // Once it has closed its end, only its process is left to wait for.
      (void)::poll(items, closed_ ? 1 : 2, limit);
      write_input();
      read_output();
    }
  }

  const std::string& output() const { return output_; }

 private:
  void write_input() {
    while (!input_.empty()) {
      ssize_t count = ::send(socket_.get(), input_.data(), input_.size(), MSG_NOSIGNAL);
      if (count < 0 && errno != EAGAIN && errno != EINTR) input_.clear();  // it does not want it
      if (count <= 0) return;
      input_.erase(0, static_cast<size_t>(count));
    }
    // The end of its input.
    if (!std::exchange(ended_, true)) ::shutdown(socket_.get(), SHUT_WR);
  }

  void read_output() {
    char buffer[4096];
    while (!closed_) {
      ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (count <= 0) closed_ = true;
      if (count > 0 && output_.size() < output_limit)
        output_.append(buffer, std::min(static_cast<size_t>(count), output_limit - output_.size()));
    }
  }

  std::string input_;
  std::string output_;
  sys::UniqueFd socket_;
  sys::Process process_;
  bool ended_ = false;
  bool closed_ = false;
};

void run_hook(const Hook& hook, const std::string& place, const std::string& state) {
  RunningHook running(hook, state);
  std::optional<sys::ExitStatus> status = running.wait(hook.timeout_seconds);
  if (!status)
    fail(place, fmt::format("it did not end in {} seconds and was killed", *hook.timeout_seconds),
         running.output());
  if (status->exit_code() != 0)
    fail(place, fmt::format("exit status {}", status->exit_code()), running.output());
}

}  // namespace

std::string hook_state_json(const ContainerSpec& spec, const HookState& state,
                            const std::string& status, int pid) {
  nlohmann::ordered_json json = {{"ociVersion", spec.oci_version},
                                 {"id", state.id},
                                 {"status", status},
                                 {"pid", pid},
                                 {"bundle", state.bundle}};
  if (!spec.annotations.empty()) json["annotations"] = spec.annotations;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void run_hooks(const std::vector<Hook>& hooks, const std::string& kind, const std::string& state) {
  for (size_t i = 0; i < hooks.size(); ++i) {
    const std::string place = fmt::format("{} hook #{} '{}'", kind, i, hooks[i].path);
    try {
      run_hook(hooks[i], place, state);
    } catch (const sys::Error& error) {
      if (error.error_number() == 0) throw;
      throw sys::Error(error.kind(), fmt::format("error running {}: {}", place, error.what()),
                       error.error_number());
    }
  }
}

void check_hooks(const Hooks& hooks) {
  for (const auto& [kind, list] :
       {std::pair("prestart", &hooks.prestart), std::pair("createRuntime", &hooks.create_runtime),
        std::pair("createContainer", &hooks.create_container),
        std::pair("startContainer", &hooks.start_container),
        std::pair("poststart", &hooks.poststart), std::pair("poststop", &hooks.poststop)})
    for (size_t i = 0; i < list->size(); ++i) {
      const Hook& hook = (*list)[i];
      const std::string field = fmt::format("config.json: hooks.{}[{}]", kind, i);
      if (hook.path.empty() || hook.path[0] != '/')
        throw sys::Error(sys::ErrorKind::invalid_argument,
                         fmt::format("{}.path: '{}' is not an absolute path", field, hook.path));
      if (hook.timeout_seconds && *hook.timeout_seconds <= 0)
        throw sys::Error(
            sys::ErrorKind::invalid_argument,
            fmt::format("{}.timeout: {} is not above zero", field, *hook.timeout_seconds));
    }
}

}  // namespace ctr::runtime
