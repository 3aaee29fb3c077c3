#include "runtime/sys/error.h"

#include <cerrno>
#include <cstring>

namespace ctr::sys {

std::string errno_text(int error_number) {
  char buffer[128];
  // The GNU form: returns the text, which may or may not be in the buffer.
  std::string text = strerror_r(error_number, buffer, sizeof buffer);
  if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z' && text[0] >= 'A' && text[0] <= 'Z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

void throw_errno(int error_number, std::string_view call,
                 std::initializer_list<std::string> subjects) {
  std::string message(call);
  for (const std::string& subject : subjects) message += " " + subject;
  // A path that no file system takes is the fault of whoever named it.
  const bool is_callers = error_number == ENAMETOOLONG || error_number == ELOOP;
  throw Error(is_callers ? ErrorKind::invalid_argument : ErrorKind::internal,
              message + ": " + errno_text(error_number), error_number);
}

}  // namespace ctr::sys
