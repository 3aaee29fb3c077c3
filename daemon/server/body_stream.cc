#include "daemon/server/body_stream.h"

#include <cstdio>
#include <exception>

namespace ctr::daemon {

BodyStream::BodyStream(Connection& connection, Form form, bool& complete)
    : connection_(connection),
      form_(form),
      complete_(complete),
      exceptions_(std::uncaught_exceptions()) {}

BodyStream::~BodyStream() {
  if (std::uncaught_exceptions() > exceptions_) return;
  complete_ = form_ == Form::no_body ||
              (form_ == Form::chunked && connection_.write(std::string_view("0\r\n\r\n")));
}

bool BodyStream::write(std::string_view data) {
  if (form_ == Form::no_body) return false;
  if (data.empty()) return !client_gone();  // an empty chunk would be the last one
  if (form_ == Form::until_close) return connection_.write(data);
  char size[24];
  int length = std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  char end[] = "\r\n";
  iovec parts[3] = {
      {size, static_cast<size_t>(length)}, {const_cast<char*>(data.data()), data.size()}, {end, 2}};
  return connection_.write(parts, 3);
}

bool BodyStream::client_gone() {
  return form_ == Form::no_body || connection_.peer_closed();
}

}  // namespace ctr::daemon
