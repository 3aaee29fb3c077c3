#include "daemon/server/answer_head.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/server/status.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

bool has_line_end(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

}  // namespace

AnswerHead::AnswerHead(int status)
    : text_(fmt::format("HTTP/1.1 {} {}\r\n", status, reason_phrase(status))) {}

AnswerHead& AnswerHead::add(std::string_view name, std::string_view value) {
  if (has_line_end(name) || has_line_end(value))
    throw sys::Error(sys::ErrorKind::internal, fmt::format("header '{}' has a line end", name));
  text_.append(name).append(": ").append(value).append("\r\n");
  return *this;
}

AnswerHead& AnswerHead::add_date() {
  std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char date[40];
  size_t length = std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return add("Date", {date, length});
}

std::string refusal(int status, std::string_view message) {
  const std::string body = dump_json({{"message", message}}) + "\n";
  return AnswerHead(status)
             .add("Content-Type", "application/json")
             .add("Content-Length", std::to_string(body.size()))
             .add("Connection", "close")
             .text() +
         body;
}

}  // namespace ctr::daemon
