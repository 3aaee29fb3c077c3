#include "cli/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/sys/file.h"
#include "runtime/sys/socket.h"

namespace ctr::cli {

namespace {

using sys::Error;
using sys::ErrorKind;

constexpr std::string_view version_prefix = "/v1.51";
constexpr size_t read_size = 16 << 10;

std::string parse_host(std::string_view host) {
  std::string_view path = host;
  if (path.starts_with("unix://")) path.remove_prefix(7);
  if (path.starts_with("/") || (path.size() != host.size() && !path.empty()))
    return std::string(path);
  throw Error(ErrorKind::invalid_argument,
              fmt::format("host '{}' is not supported: ctr talks to a Unix socket; say for example "
                          "-H unix:///run/ctr/ctrd.sock",
                          host));
}

// The name of a group from /etc/group: the C library's look-up needs shared libraries.
std::string group_name(gid_t gid) {
  std::string groups = sys::find_file("/etc/group").value_or("");
  std::string wanted = fmt::format(":{}:", gid);
  for (size_t begin = 0; begin < groups.size();) {
    size_t end = std::min(groups.find('\n', begin), groups.size());
    std::string_view line = std::string_view(groups).substr(begin, end - begin);
    if (line.find(wanted) != std::string_view::npos)
      return std::string(line.substr(0, line.find(':')));
    begin = end + 1;
  }
  return std::to_string(gid);
}

std::string permission_advice(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || status.st_gid == 0)
    return "run the command as root (sudo)";
  return fmt::format(
      "run the command as root (sudo), or join the group '{0}': sudo usermod -aG {0} $USER, then "
      "log in again",
      group_name(status.st_gid));
}

[[noreturn]] void throw_connect_error(const std::string& path, int error_number) {
  struct stat status {};
  std::string where = fmt::format("cannot connect to the ctr daemon at unix://{}", path);
  if (error_number == EACCES || error_number == EPERM)
    throw ConnectionError(fmt::format("{}: permission denied; {}", where, permission_advice(path)),
                          false);
  if (error_number == ENOENT || error_number == ENOTDIR)
    throw ConnectionError(
        fmt::format("{}: no such socket; is the daemon running? Start it with 'sudo systemctl "
                    "start ctrd' or 'sudo ctrd', or name another socket with -H",
                    where),
        true);
  if (::stat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
    throw ConnectionError(
        fmt::format("{}: it is not a socket; name the daemon's socket with -H or CTR_HOST", where),
        false);
  if (error_number == ECONNREFUSED)
    throw ConnectionError(
        fmt::format("{}: nobody listens there; is the daemon running? Start it with 'sudo "
                    "systemctl start ctrd' or 'sudo ctrd'",
                    where),
        true);
  throw ConnectionError(fmt::format("{}: {}", where, sys::errno_text(error_number)), false);
}

[[noreturn]] void throw_lost() {
  throw ConnectionError(
      "the connection to the daemon was lost before it answered; look at its log ('journalctl -u "
      "ctrd' where systemd runs it), then try again",
      true);
}

void send_all(int socket, std::string_view data) {
  while (!data.empty()) {
    ssize_t sent = sys::retry_on_signal(
        [&] { return ::send(socket, data.data(), data.size(), MSG_NOSIGNAL); });
    if (sent < 0) throw_lost();
    data.remove_prefix(static_cast<size_t>(sent));
  }
}

size_t receive_some(int socket, char* data, size_t size) {
  ssize_t got = sys::retry_on_signal([&] { return ::recv(socket, data, size, 0); });
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
    throw ConnectionError("the daemon does not answer; is it overloaded or stopped?", true);
  if (got < 0) throw_lost();
  return static_cast<size_t>(got);
}

// Reads the response's head, skipping "100 Continue"; what came behind it is left in `buffer`.
ResponseHead read_head(int socket, std::string& buffer) {
  while (true) {
    std::optional<size_t> end = find_head_end(buffer);
    if (end) {
      ResponseHead head = parse_response_head(std::string_view(buffer).substr(0, *end - 2));
      buffer.erase(0, *end);
      if (head.status != 100) return head;
      continue;
    }
    char data[read_size];
    size_t got = receive_some(socket, data, sizeof data);
    if (got == 0) throw_lost();
    buffer.append(data, got);
  }
}

std::string read_body(BodyReader& reader, int socket) {
  std::string body;
  char data[read_size];
  auto source = [socket](char* to, size_t size) { return receive_some(socket, to, size); };
  while (size_t got = reader.read(data, sizeof data, source)) {
    body.append(data, got);
    if (body.size() > body_limit)
      throw Error(ErrorKind::too_large, "the daemon's answer is larger than 64 MiB");
  }
  return body;
}

ErrorKind kind_of(int status) {
  switch (status) {
    case 400:
      return ErrorKind::invalid_argument;
    case 401:
      return ErrorKind::unauthorized;
    case 403:
      return ErrorKind::forbidden;
    case 404:
      return ErrorKind::not_found;
    case 409:
      return ErrorKind::conflict;
    case 413:
      return ErrorKind::too_large;
    case 501:
      return ErrorKind::unsupported;
    case 503:
      return ErrorKind::unavailable;
    default:
      return ErrorKind::internal;
  }
}

void limit_answer_time(int socket, std::chrono::milliseconds limit) {
  timeval time{};
  time.tv_sec = limit.count() / 1000;
  time.tv_usec = limit.count() % 1000 * 1000;
  sys::check(::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), "setsockopt");
}

// True if the other side closed the idle connection, or said something nobody asked for.
bool is_stale(int socket) {
  pollfd poll{socket, POLLIN, 0};
  return ::poll(&poll, 1, 0) != 0;
}

std::string encode(std::string_view text, std::string_view kept) {
  std::string result;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 kept.find(c) != std::string_view::npos;
    if (plain)
      result += c;
    else
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

}  // namespace

ApiError::ApiError(int status, const std::string& message)
    : Error(kind_of(status), message), status_(status) {}

std::string api_error_message(int status, const std::string& body) {
  nlohmann::json parsed = nlohmann::json::parse(body, nullptr, false);
  if (parsed.is_object())
    if (auto message = parsed.find("message"); message != parsed.end() && message->is_string())
      return message->get<std::string>();
  std::string text = body.substr(0, 1000);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text.empty() ? fmt::format("the daemon answered with status {}", status) : text;
}

std::string percent_encode(std::string_view text) {
  return encode(text, "-._~");
}
std::string percent_encode_path(std::string_view text) {
  return encode(text, "-._~/:@");
}

Query& Query::add(std::string_view name, std::string_view value) {
  text_ += text_.empty() ? "?" : "&";
  text_ += name;
  text_ += "=";
  text_ += percent_encode(value);
  return *this;
}

BodyStream::BodyStream(sys::UniqueFd socket, std::string preread, const ResponseHead& head)
    : socket_(std::move(socket)), head_(head), body_(head, std::move(preread)) {}

size_t BodyStream::read(char* data, size_t size) {
  return body_.read(data, size,
                    [this](char* to, size_t n) { return receive_some(socket_.get(), to, n); });
}

std::optional<std::string> BodyStream::read_line() {
  while (true) {
    size_t end = line_.find('\n');
    if (end != std::string::npos) {
      std::string line = line_.substr(0, end);
      line_.erase(0, end + 1);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      return line;
    }
    if (line_.size() > body_limit)
      throw Error(ErrorKind::too_large, "a line of the daemon's answer is larger than 64 MiB");
    char data[read_size];
    size_t got = read(data, sizeof data);
    if (got == 0) {
      if (line_.empty()) return std::nullopt;
      return std::exchange(line_, {});
    }
    line_.append(data, got);
  }
}

Client::Client(std::string_view host, bool debug) : socket_path_(parse_host(host)), debug_(debug) {}

sys::UniqueFd Client::connect() const {
  try {
    return sys::connect_unix(socket_path_);
  } catch (const Error& error) {
    if (error.error_number() == 0) throw;
    throw_connect_error(socket_path_, error.error_number());
  }
}

std::string Client::request_head(const Request& request) const {
  std::string text = fmt::format("{} {}{} HTTP/1.1\r\nHost: ctr\r\nUser-Agent: ctr/{}\r\n",
                                 request.method, version_prefix, request.target, CTR_VERSION);
  for (const auto& [name, value] : request.headers) text += fmt::format("{}: {}\r\n", name, value);
  return text;
}

void Client::write_request(int socket, const Request& request, bool upgrade) const {
  std::string text = request_head(request);
  if (upgrade) text += "Connection: Upgrade\r\nUpgrade: tcp\r\n";
  if (request.body) text += "Content-Type: application/json\r\n";
  if (request.body || request.method != "GET")
    text += fmt::format("Content-Length: {}\r\n", request.body ? request.body->size() : 0);
  text += "\r\n";
  if (request.body) text += *request.body;
  send_all(socket, text);
}

void Client::trace(const Request& request, int status) const {
  if (debug_)
    fmt::print(stderr, "ctr: debug: {} {} -> {}\n", request.method, request.target, status);
}

// One request on the kept connection or a new one. `reused` stays true only until the first byte of
// the answer, so that the caller may try again on a new connection.
Response Client::exchange(const Request& request, bool& reused) {
  sys::UniqueFd socket = reused ? std::move(idle_) : connect();
  limit_answer_time(socket.get(), answer_timeout_);
  write_request(socket.get(), request, false);
  std::string buffer;
  Response response;
  response.head = read_head(socket.get(), buffer);
  reused = false;
  response.status = response.head.status;
  BodyReader reader(response.head, std::move(buffer));
  if (request.method != "HEAD") response.body = read_body(reader, socket.get());
  if (response.head.keep_alive() && reader.complete()) idle_ = std::move(socket);
  trace(request, response.status);
  return response;
}

Response Client::send(const Request& request) {
  if (idle_ && is_stale(idle_.get())) idle_.reset();
  bool reused = static_cast<bool>(idle_);
  try {
    return exchange(request, reused);
  } catch (const ConnectionError&) {
    // A daemon may close an idle connection at any time, also just as we write to it. Only what may
    // be repeated is repeated.
    if (!reused || (request.method != "GET" && request.method != "HEAD")) throw;
  }
  reused = false;
  return exchange(request, reused);
}

Response Client::call(const Request& request) {
  Response response = send(request);
  if (response.status >= 400)
    throw ApiError(response.status, api_error_message(response.status, response.body));
  return response;
}

nlohmann::json Client::get_json(const std::string& target) {
  return parse_body(call({.method = "GET", .target = target, .body = {}, .headers = {}}).body);
}

Response Client::post(const std::string& target) {
  return call({.method = "POST", .target = target, .body = {}, .headers = {}});
}

nlohmann::json Client::post_json(const std::string& target, const nlohmann::json& body) {
  // What is not UTF-8 in an argument must not end the program: it is replaced.
  std::string text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  Response response = call({.method = "POST", .target = target, .body = text, .headers = {}});
  return response.body.empty() ? nlohmann::json::object() : parse_body(response.body);
}

Response Client::remove(const std::string& target) {
  return call({.method = "DELETE", .target = target, .body = {}, .headers = {}});
}

BodyStream Client::open_stream(const Request& request) {
  sys::UniqueFd socket = connect();
  write_request(socket.get(), request, false);
  return read_answer(std::move(socket), request);
}

BodyStream Client::read_answer(sys::UniqueFd socket, const Request& request) const {
  std::string buffer;
  ResponseHead head = read_head(socket.get(), buffer);
  trace(request, head.status);
  if (head.status >= 400) {
    BodyReader reader(head, std::move(buffer));
    throw ApiError(head.status, api_error_message(head.status, read_body(reader, socket.get())));
  }
  return BodyStream(std::move(socket), std::move(buffer), head);
}

BodyStream Client::upload(const Request& request, const std::function<std::string_view()>& source) {
  sys::UniqueFd socket = connect();
  send_all(socket.get(),
           request_head(request) +
               "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n");
  try {
    for (std::string_view piece = source(); !piece.empty(); piece = source()) {
      if (is_stale(socket.get())) return read_answer(std::move(socket), request);
      send_all(socket.get(), fmt::format("{:x}\r\n", piece.size()));
      send_all(socket.get(), piece);
      send_all(socket.get(), "\r\n");
    }
    send_all(socket.get(), "0\r\n\r\n");
  } catch (const ConnectionError&) {
    // It closed its end: what it had to say before that is there to read.
  }
  return read_answer(std::move(socket), request);
}

HijackedStream Client::hijack(const std::string& target, std::optional<std::string> body) {
  Request request{.method = "POST", .target = target, .body = std::move(body), .headers = {}};
  sys::UniqueFd socket = connect();
  write_request(socket.get(), request, true);
  std::string buffer;
  ResponseHead head = read_head(socket.get(), buffer);
  trace(request, head.status);
  if (head.status >= 400) {
    BodyReader reader(head, std::move(buffer));
    throw ApiError(head.status, api_error_message(head.status, read_body(reader, socket.get())));
  }
  bool framed = head.header("content-type") == "application/vnd.docker.multiplexed-stream";
  return {std::move(socket), std::move(buffer), framed};
}

sys::UniqueFd Client::begin(const Request& request) {
  sys::UniqueFd socket = connect();
  write_request(socket.get(), request, false);
  return socket;
}

std::string container_target(std::string_view name, std::string_view rest) {
  if (name.empty())
    throw Error(ErrorKind::invalid_argument, "the name of a container must not be empty");
  return fmt::format("/containers/{}{}", percent_encode(name), rest);
}

nlohmann::json parse_body(const std::string& body) {
  nlohmann::json parsed = nlohmann::json::parse(body, nullptr, false);
  if (parsed.is_discarded())
    throw Error(ErrorKind::unavailable,
                fmt::format("the daemon's answer is not valid JSON: '{}'", body.substr(0, 80)));
  return parsed;
}

}  // namespace ctr::cli
