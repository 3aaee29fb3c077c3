// A Connection as Boost.Beast reads from it. Internal to http.cc, the only place that knows Beast.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/error.hpp>

#include "daemon/server/connection.h"

namespace ctr::daemon {

namespace asio = boost::asio;
namespace beast = boost::beast;

// What Beast calls a SyncReadStream. A timeout leaves it as an Error.
class ReadStream {
 public:
  explicit ReadStream(Connection& connection) : connection_(connection) {}

  template <class Buffers>
  size_t read_some(const Buffers& buffers, beast::error_code& error) {
    error = {};
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers);
         ++at) {
      asio::mutable_buffer buffer(*at);
      if (buffer.size() == 0) continue;
      size_t count = connection_.read_some(buffer.data(), buffer.size());
      if (count == 0) error = asio::error::eof;
      return count;
    }
    return 0;
  }
  template <class Buffers>
  size_t read_some(const Buffers& buffers) {
    beast::error_code error;
    size_t count = read_some(buffers, error);
    if (error) throw beast::system_error(error);
    return count;
  }

 private:
  Connection& connection_;
};

}  // namespace ctr::daemon
