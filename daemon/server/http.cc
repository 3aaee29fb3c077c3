#include "daemon/server/http.h"

#include <algorithm>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <exception>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/server/answer_head.h"
#include "daemon/server/body_stream.h"
#include "daemon/server/read_stream.h"
#include "daemon/server/status.h"
#include "daemon/server/target.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace http = boost::beast::http;
using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

namespace {

using Parser = http::request_parser<http::buffer_body>;

// For a client to read the head of the answer that makes its connection a stream.
constexpr std::chrono::milliseconds head_patience{5'000};

bool equal_in_any_case(std::string_view a, std::string_view b) {
  return beast::iequals(beast::string_view(a.data(), a.size()),
                        beast::string_view(b.data(), b.size()));
}

std::string to_string(beast::string_view text) {
  return std::string(text.data(), text.size());
}

class HttpExchange final : public Exchange {
 public:
  HttpExchange(Connection& connection, const HttpContext& context, beast::flat_buffer& buffer,
               Parser& parser)
      : connection_(connection),
        context_(context),
        buffer_(buffer),
        parser_(parser),
        method_(to_string(parser.get().method_string())) {}

  // Finds the request's route and runs it.
  void run() {
    beast::string_view text = parser_.get().target();
    target_ = parse_target({text.data(), text.size()});
    Router::Match match = find_route();
    if (match.handler == nullptr)
      return respond_error(match.path_known ? 405 : 404,
                           match.path_known ? "method not allowed" : "page not found");
    version_ = expect_supported(target_);
    parameters_ = std::move(match.parameters);
    (*match.handler)(*this);
    if (!answered_) throw Error(ErrorKind::internal, "the route gave no answer");
  }

  std::string description() const {
    return fmt::format("{} {}", method_, to_string(parser_.get().target()));
  }

  const std::string& method() const override { return method_; }
  ApiVersion version() const override { return version_; }

  std::string parameter(std::string_view name) const override {
    for (const auto& [key, value] : parameters_)
      if (key == name) return value;
    throw Error(ErrorKind::internal, fmt::format("the route has no parameter '{}'", name));
  }

  std::optional<std::string> query(std::string_view name) const override {
    return find_query(target_, name);
  }
  std::vector<std::string> query_all(std::string_view name) const override {
    return find_all_queries(target_, name);
  }
  bool query_bool(std::string_view name, bool otherwise) const override {
    std::optional<std::string> value = query(name);
    return value ? parse_query_bool(*value) : otherwise;
  }
  std::optional<int64_t> query_int(std::string_view name) const override {
    std::optional<std::string> value = query(name);
    if (!value || value->empty()) return std::nullopt;
    return parse_query_int(name, *value);
  }

  std::optional<std::string> header(std::string_view name) const override {
    const auto& fields = parser_.get();
    auto found = fields.find(beast::string_view(name.data(), name.size()));
    if (found == fields.end()) return std::nullopt;
    return to_string(found->value());
  }

  json body_json() override {
    std::string text = read_bounded(context_.limits.json_bytes);
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return json::object();
    expect_json_type(header("Content-Type").value_or("application/json"));
    return parse_json(text);
  }

  size_t read_body(char* data, size_t size) override {
    connection_.read_until(Connection::Clock::now() + context_.limits.body_pause);
    return read_some(data, size);
  }

  bool client_gone() const override { return connection_.peer_closed(); }
  int descriptor() const override { return connection_.descriptor(); }

  void respond(int status, std::string_view content_type, std::string_view body) override {
    std::string head = begin_answer(status, content_type)
                           .add("Content-Length", std::to_string(body.size()))
                           .text();
    bool with_body = method_ != "HEAD";
    iovec parts[2] = {{head.data(), head.size()},
                      {const_cast<char*>(body.data()), with_body ? body.size() : 0}};
    complete_ = connection_.write(parts, 2);
  }

  void respond_json(int status, const json& body) override {
    respond(status, "application/json", dump_json(body) + "\n");
  }

  void respond_empty(int status) override {
    AnswerHead head = begin_answer(status, "");
    if (status != 204 && status != 304) head.add("Content-Length", "0");
    complete_ = connection_.write(head.text());
  }

  void add_header(std::string name, std::string value) override {
    headers_.emplace_back(std::move(name), std::move(value));
  }

  std::unique_ptr<ResponseStream> respond_stream(int status,
                                                 std::string_view content_type) override {
    using Form = BodyStream::Form;
    Form form = method_ == "HEAD"               ? Form::no_body
                : parser_.get().version() >= 11 ? Form::chunked
                                                : Form::until_close;
    AnswerHead head = begin_answer(status, content_type);
    if (form != Form::until_close) head.add("Transfer-Encoding", "chunked");
    connection_.write(head.text());
    // A reader may pause (`logs -f | less`) for as long as it likes; the server's end wakes it.
    connection_.write_patience({});
    return std::make_unique<BodyStream>(connection_, form, complete_);
  }

  HijackedConnection hijack(bool framed) override {
    bool upgrade = header("Upgrade").has_value();
    AnswerHead head = begin_hijack(upgrade ? 101 : 200);
    bool multiplexed = framed && upgrade && version_ >= ApiVersion{1, 42};
    head.add("Content-Type", multiplexed ? "application/vnd.docker.multiplexed-stream"
                                         : "application/vnd.docker.raw-stream");
    if (upgrade) head.add("Connection", "Upgrade").add("Upgrade", "tcp");
    return give_away(head);
  }

  HijackedConnection hijack_websocket(std::string_view accept) override {
    AnswerHead head = begin_hijack(101);
    head.add("Connection", "Upgrade")
        .add("Upgrade", "websocket")
        .add("Sec-WebSocket-Accept", accept);
    return give_away(head);
  }

  bool answered() const { return answered_; }
  bool hijacked() const { return hijacked_; }
  int status() const { return status_; }
  // The whole request was read, its answer written, and nobody asked to close.
  bool reusable() const { return complete_ && keep_alive_; }

  // {"message": …}, or plain text for clients so old that they know no JSON errors.
  void respond_error(int status, const std::string& message) {
    if (status == 304) return respond_empty(304);
    bool plain = target_.version && *target_.version < ApiVersion{1, 24};
    if (plain) return respond(status, "text/plain; charset=utf-8", message + "\n");
    respond_json(status, {{"message", message}});
  }

 private:
  AnswerHead begin_hijack(int status) {
    drain_body();
    if (answered_) throw Error(ErrorKind::internal, "the request was answered already");
    answered_ = true;
    status_ = status;
    return AnswerHead(status_);
  }

  HijackedConnection give_away(AnswerHead& head) {
    for (const auto& [name, value] : context_.headers) head.add(name, value);
    // Beyond this point the server's stop must not touch the descriptor any more.
    if (context_.on_hijack) context_.on_hijack();
    hijacked_ = true;
    connection_.write(head.text());
    // docker-py reads the stream from below the buffer into which it reads the head: what came with the head
    // would be lost.
    if (status_ == 101) connection_.await_read(head_patience);
    return {connection_.release(),
            std::string(static_cast<const char*>(buffer_.data().data()), buffer_.data().size())};
  }

  // HEAD is answered by what answers GET: the body is left out in respond().
  Router::Match find_route() const {
    Router::Match match = context_.router.find(method_, target_.path);
    if (match.handler != nullptr || method_ != "HEAD") return match;
    return context_.router.find("GET", target_.path);
  }

  AnswerHead begin_answer(int status, std::string_view content_type) {
    if (answered_) throw Error(ErrorKind::internal, "the request was answered already");
    answered_ = true;
    status_ = status;
    discard_small_body();
    // What of the request's body was not read would be taken for the next request.
    keep_alive_ = parser_.is_done() && parser_.keep_alive() && parser_.get().version() >= 11;
    connection_.write_patience(context_.limits.write_pause);
    AnswerHead head(status);
    for (const auto& [name, value] : context_.headers) head.add(name, value);
    for (const auto& [name, value] : headers_) head.add(name, value);
    head.add_date();
    if (!content_type.empty()) head.add("Content-Type", content_type);
    if (!keep_alive_) head.add("Connection", "close");
    return head;
  }

  size_t read_some(char* data, size_t size) {
    if (parser_.is_done() || size == 0) return 0;
    send_continue();
    auto& body = parser_.get().body();
    body.data = data;
    body.size = size;
    body.more = true;
    ReadStream stream(connection_);
    while (body.size == size && !parser_.is_done()) {
      beast::error_code error;
      http::read_some(stream, buffer_, parser_, error);
      if (error == http::error::need_buffer) break;
      if (error)
        throw Error(ErrorKind::invalid_argument,
                    error == http::error::partial_message || error == asio::error::eof
                        ? "the request's body ended early"
                        : fmt::format("invalid request body: {}", error.message()));
    }
    size_t count = size - body.size;
    body.data = nullptr;
    body.size = 0;
    return count;
  }

  std::string read_bounded(size_t limit) {
    connection_.read_until(Connection::Clock::now() + context_.limits.json_body);
    auto too_large = [&] {
      return Error(ErrorKind::too_large,
                   fmt::format("the request's body is larger than {} bytes", limit));
    };
    if (auto length = parser_.content_length(); length && *length > limit) throw too_large();
    std::string text;
    char piece[16384];
    while (size_t count = read_some(piece, sizeof piece)) {
      if (text.size() + count > limit) throw too_large();
      text.append(piece, count);
    }
    return text;
  }

  void drain_body() { read_bounded(context_.limits.json_bytes); }

  // Clients send "{}" or an empty chunked body where none is looked at: that is no reason to close.
  void discard_small_body() {
    constexpr size_t small = 64 << 10;
    if (parser_.is_done() || (expects_continue() && !continued_)) return;
    if (parser_.content_length().value_or(0) > small) return;
    try {
      connection_.read_until(Connection::Clock::now() + std::chrono::seconds(1));
      std::vector<char> sink(small);
      for (size_t left = small; left > 0;) {
        size_t count = read_some(sink.data(), left);
        if (count == 0) return;
        left -= count;
      }
    } catch (const Error&) {
      // Then the body is not complete and the connection is closed behind the answer.
    }
  }

  bool expects_continue() const {
    std::optional<std::string> expect = header("Expect");
    return expect && equal_in_any_case(*expect, "100-continue");
  }

  void send_continue() {
    if (std::exchange(continued_, true) || parser_.get().version() < 11) return;
    if (expects_continue() && buffer_.size() == 0)
      connection_.write(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
  }

  Connection& connection_;
  const HttpContext& context_;
  beast::flat_buffer& buffer_;
  Parser& parser_;
  std::string method_;
  Target target_;
  std::vector<std::pair<std::string, std::string>> parameters_;
  ApiVersion version_ = max_api_version;
  std::vector<std::pair<std::string, std::string>> headers_;
  bool continued_ = false;
  bool answered_ = false;
  bool complete_ = false;
  bool keep_alive_ = false;
  bool hijacked_ = false;
  int status_ = 0;
};

// What a route, or the way to it, throws becomes the answer; the daemon goes on whatever it was.
std::string run_guarded(HttpExchange& exchange) {
  auto fail = [&](int status, const std::string& message) {
    // Behind a hijack or a begun stream there is nobody to tell: the stream was cut off.
    if (!exchange.answered()) exchange.respond_error(status, message);
    return message;
  };
  try {
    exchange.run();
    return "";
  } catch (const Error& error) {
    return fail(http_status(error.kind()), error.what());
  } catch (const std::bad_alloc&) {
    return fail(500, "out of memory");
  } catch (const std::exception& error) {
    return fail(500, error.what());
  } catch (...) {
    return fail(500, "unknown failure");
  }
}

// Docker's transport knows one encoding; others would leave the body's end to guessing (P06).
bool has_known_encoding(const Parser& parser) {
  auto range = parser.get().equal_range(http::field::transfer_encoding);
  for (auto field = range.first; field != range.second; ++field)
    if (!equal_in_any_case(to_string(field->value()), "chunked")) return false;
  return true;
}

struct Refused {
  int status = 400;
  std::string message;
};

Refused refusal_of(const beast::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return {431, "the request's header is too large"};
  return {400, fmt::format("malformed HTTP request: {}", error.message())};
}

void refuse(Connection& connection, const HttpContext& context, const Refused& refused) {
  connection.write_patience(std::chrono::seconds(1));
  connection.write(refusal(refused.status, refused.message));
  if (context.on_answer) context.on_answer("(malformed)", refused.status, refused.message);
}

// One request; true if the connection is good for another one.
bool serve_request(Connection& connection, const HttpContext& context, beast::flat_buffer& buffer) {
  Parser parser;
  parser.header_limit(static_cast<uint32_t>(context.limits.header_bytes));
  parser.body_limit(boost::none);
  connection.read_until(Connection::Clock::now() + context.limits.header);
  ReadStream stream(connection);
  beast::error_code error;
  try {
    http::read_header(stream, buffer, parser, error);
  } catch (const Error& timeout) {
    refuse(connection, context, {408, timeout.what()});
    return false;
  }
  if (error == http::error::end_of_stream || error == asio::error::eof) return false;
  if (!error && !has_known_encoding(parser)) error = http::error::bad_transfer_encoding;
  if (error) {
    refuse(connection, context, refusal_of(error));
    return false;
  }
  HttpExchange exchange(connection, context, buffer, parser);
  std::string failure = run_guarded(exchange);
  if (context.on_answer) context.on_answer(exchange.description(), exchange.status(), failure);
  return !exchange.hijacked() && exchange.reusable();
}

}  // namespace

void serve_connection(Connection& connection, const HttpContext& context) noexcept {
  try {
    // One buffer for all requests: a client may send the next one behind the first (pipelining).
    beast::flat_buffer buffer(context.limits.header_bytes + (64 << 10));
    bool more = true;
    while (more) {
      if (context.on_idle && !context.on_idle(true)) break;
      connection.read_until(Connection::Clock::now() + context.limits.idle);
      if (buffer.size() == 0 && connection.wait_readable() != Connection::Wait::ready) break;
      if (context.on_idle && !context.on_idle(false)) break;
      more = serve_request(connection, context, buffer);
    }
    if (connection.descriptor() >= 0) connection.linger(std::chrono::milliseconds(1000), 32 << 20);
  } catch (const std::exception& error) {
    if (context.on_answer) context.on_answer("(connection)", 0, error.what());
  }
}

}  // namespace ctr::daemon
