// The one error type of the project and the one form of a checked system call.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ctr::sys {

// What went wrong, for whoever must decide what to do next. daemon/server maps each to one HTTP
// status, cli to an exit code; nothing else looks at it.
enum class ErrorKind {
  invalid_argument,  // the request cannot be meant so: 400
  unauthorized,      // 401
  forbidden,         // 403
  not_found,         // 404
  conflict,          // the object's state or another object forbids it: 409
  not_modified,      // it is already so: 304
  too_large,         // 413
  unsupported,       // not here, or not yet: 501
  unavailable,       // try again later: 503
  internal,          // everything else, a failed system call foremost: 500
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  Error(ErrorKind kind, const std::string& message, int error_number)
      : std::runtime_error(message), kind_(kind), error_number_(error_number) {}

  ErrorKind kind() const { return kind_; }
  // errno of the failed call, 0 where no call failed.
  int error_number() const { return error_number_; }

 private:
  ErrorKind kind_;
  int error_number_ = 0;
};

// "no such file or directory": the C library's text in lower case, as Go's clients expect it.
std::string errno_text(int error_number);

// Throws the Error of a failed call: "mount 'proc' '/proc': permission denied".
[[noreturn]] void throw_errno(int error_number, std::string_view call,
                              std::initializer_list<std::string> subjects);

namespace detail {
inline std::string subject_text(std::string_view text) { return fmt::format("'{}'", text); }
inline std::string subject_text(long number) { return std::to_string(number); }
}  // namespace detail

// check(::mount(a, b, …), "mount", a, b): returns the result, or throws Error{internal} that names
// the call and its subjects (strings are quoted). A result below zero is a failure with errno set.
template <class Result, class... Subjects>
Result check(Result result, std::string_view call, const Subjects&... subjects) {
  if (result < 0) {
    int error_number = errno;
    throw_errno(error_number, call, {detail::subject_text(subjects)...});
  }
  return result;
}

// Repeats a call that a signal interrupted: retry_on_signal([&] { return ::read(fd, p, n); }).
template <class Call>
auto retry_on_signal(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace ctr::sys
