// The body of an answer that is written piece by piece. Runs in: ctrd, on the connection's thread.
#pragma once

#include "daemon/server/connection.h"
#include "daemon/server/exchange.h"

namespace ctr::daemon {

class BodyStream final : public ResponseStream {
 public:
  enum class Form {
    chunked,
    until_close,  // HTTP/1.0: the connection's end is the body's
    no_body       // HEAD
  };

  // `complete` becomes true once the whole body was written and the connection can go on.
  BodyStream(Connection& connection, Form form, bool& complete);
  // Writes the end of the body, but not when it is destroyed by an exception: a stream that its
  // route gave up is cut off, so that the client can tell.
  ~BodyStream() override;

  bool write(std::string_view data) override;
  bool client_gone() override;
  int descriptor() const override { return connection_.descriptor(); }

 private:
  Connection& connection_;
  Form form_;
  bool& complete_;
  int exceptions_;
};

}  // namespace ctr::daemon
