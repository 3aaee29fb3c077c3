// The head of an answer: status line and header fields. Pure but for the date.
#pragma once

#include <string>
#include <string_view>

namespace ctr::daemon {

class AnswerHead {
 public:
  explicit AnswerHead(int status);

  // Throws Error{internal} for a name or value with a line end: it would be another field, or
  // another answer.
  AnswerHead& add(std::string_view name, std::string_view value);
  AnswerHead& add_date();
  // Complete, with the empty line.
  std::string text() const { return text_ + "\r\n"; }

 private:
  std::string text_;
};

// A whole answer with `Connection: close`, for clients that are turned away before any request.
std::string refusal(int status, std::string_view message);

}  // namespace ctr::daemon
