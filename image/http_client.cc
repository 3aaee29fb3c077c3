#include "image/http_client.h"

#include <curl/curl.h>

#include <new>

#include "image/http_transfer.h"

namespace ctr::image {

namespace {

constexpr size_t max_idle_handles = 8;
constexpr long receive_buffer = 256 << 10;
constexpr const char* no_answer = "no answer in time";

// curl_global_init is not thread-safe in every build; a magic static is.
void initialise_libcurl() {
  static const CURLcode code = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) throw sys::Error(sys::ErrorKind::internal, "cannot initialise libcurl");
}

class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { ::curl_slist_free_all(list_); }
  void add(const std::string& line) {
    curl_slist* longer = ::curl_slist_append(list_, line.c_str());
    if (!longer) throw std::bad_alloc();
    list_ = longer;
  }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

size_t header_callback(char* data, size_t size, size_t count, void* user) noexcept {
  const bool on = static_cast<HttpTransfer*>(user)->on_header({data, size * count});
  return on ? size * count : 0;
}

struct BodyContext {
  CURL* handle;
  HttpTransfer* transfer;
};

size_t body_callback(char* data, size_t size, size_t count, void* user) noexcept {
  auto* context = static_cast<BodyContext*>(user);
  long status = 0;
  ::curl_easy_getinfo(context->handle, CURLINFO_RESPONSE_CODE, &status);
  return context->transfer->on_body({data, size * count}, status) ? size * count : 0;
}

size_t read_callback(char* data, size_t size, size_t count, void* user) noexcept {
  std::optional<size_t> read = static_cast<HttpTransfer*>(user)->on_read(data, size * count);
  return read ? *read : CURL_READFUNC_ABORT;
}

int tick_callback(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<HttpTransfer*>(user)->on_tick() ? 0 : 1;
}

int connected_callback(void* user, char* address, char*, int, int) noexcept {
  return static_cast<HttpTransfer*>(user)->on_connected(address) ? CURL_PREREQFUNC_OK
                                                                 : CURL_PREREQFUNC_ABORT;
}

TransferFailure failure_of(CURLcode code, bool answered) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return TransferFailure::unreachable;
    case CURLE_OPERATION_TIMEDOUT:
      return answered ? TransferFailure::stalled : TransferFailure::silent;
    case CURLE_SSL_CONNECT_ERROR:
      return TransferFailure::handshake;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return TransferFailure::untrusted;
    default:
      return TransferFailure::interrupted;
  }
}

// libcurl's reasons in our form: "Connection refused" somewhere at the end of a longer text.
std::string reason_text(CURLcode code, long os_error, const char* details) {
  if (code == CURLE_COULDNT_RESOLVE_HOST) return "its name does not resolve";
  if (code == CURLE_COULDNT_RESOLVE_PROXY) return "the name of the proxy does not resolve";
  if (code == CURLE_OPERATION_TIMEDOUT) return no_answer;
  if (code == CURLE_COULDNT_CONNECT && os_error > 0)
    return sys::errno_text(static_cast<int>(os_error));
  std::string text = *details ? details : ::curl_easy_strerror(code);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z' && text[0] >= 'A' && text[0] <= 'Z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

std::string authority(const Url& url) {
  const bool usual = url.port == (url.scheme == "https" ? 443 : 80);
  return usual ? url.host : fmt::format("{}:{}", url.host, url.port);
}

std::string failure_message(TransferFailure failure, const Url& url, const std::string& reason) {
  const std::string host = authority(url);
  switch (failure) {
    case TransferFailure::unreachable:
    case TransferFailure::silent:
      return fmt::format(
          "cannot reach '{}': {}: check the name, and this host's network, DNS and proxy settings",
          host, reason);
    case TransferFailure::handshake:
      return fmt::format(
          "'{}' does not speak TLS as it should: {}: if it is a registry without TLS that you "
          "trust, list it in insecure-registries",
          host, reason);
    case TransferFailure::untrusted:
      return fmt::format(
          "the certificate of '{}' is not trusted: {}: put its authority into "
          "/etc/ctr/certs.d/{}/ca.crt",
          host, reason, host);
    case TransferFailure::stalled:
      return fmt::format("the transfer from '{}' made no progress: {}", host, reason);
    default:
      return fmt::format("the connection to '{}' broke: {}", host, reason);
  }
}

}  // namespace

struct HttpClient::Handle {
  CURL* curl = ::curl_easy_init();
  char error[CURL_ERROR_SIZE] = "";

  Handle() {
    if (!curl) throw std::bad_alloc();
  }
  ~Handle() { ::curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = ::curl_easy_setopt(curl, option, value);
    if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    if (code != CURLE_OK)
      throw sys::Error(sys::ErrorKind::internal,
                       fmt::format("libcurl refuses option {}: {}", static_cast<int>(option),
                                   ::curl_easy_strerror(code)));
  }

  void set_limits(const RegistryTiming& timing, bool streams) {
    set(CURLOPT_NOSIGNAL, 1L);  // threads: no SIGALRM for timeouts
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    // One connection a handle: HTTP/2 would only add a layer of flow control.
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_BUFFERSIZE, receive_buffer);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timing.connect.count()));
    set(CURLOPT_TIMEOUT_MS, streams ? 0L : static_cast<long>(timing.request.count()));
  }

  void set_proxy(const ProxyConfig& proxy, const Url& url) {
    // An empty string is "none, whatever the environment says" (N14). As in Go, loopback is never
    // reached through a proxy.
    const std::string& chosen = url.scheme == "https" ? proxy.https : proxy.http;
    set(CURLOPT_PROXY, is_loopback_host(url.host) ? "" : chosen.c_str());
    set(CURLOPT_NOPROXY, proxy.none.c_str());
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  }

  void set_tls(const HttpRequest& request) {
    set(CURLOPT_SSL_VERIFYPEER, request.verify_tls ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, request.verify_tls ? 2L : 0L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // The directory of the system's authorities stays (CURLOPT_CAPATH): one file is added.
    if (!request.ca_file.empty()) set(CURLOPT_CAINFO, request.ca_file.c_str());
  }

  void set_callbacks(HttpTransfer& transfer, BodyContext& body) {
    error[0] = 0;
    set(CURLOPT_ERRORBUFFER, error);
    set(CURLOPT_HEADERFUNCTION, &header_callback);
    set(CURLOPT_HEADERDATA, &transfer);
    set(CURLOPT_WRITEFUNCTION, &body_callback);
    set(CURLOPT_WRITEDATA, &body);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &tick_callback);
    set(CURLOPT_XFERINFODATA, &transfer);
    set(CURLOPT_PREREQFUNCTION, &connected_callback);
    set(CURLOPT_PREREQDATA, &transfer);
  }

  void set_method(const HttpRequest& request, HttpTransfer& transfer) {
    if (request.method == "HEAD") set(CURLOPT_NOBODY, 1L);
    if (request.method == "GET" || request.method == "HEAD") return;
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.upload.file >= 0) {
      set(CURLOPT_UPLOAD, 1L);
      set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.upload.size));
      set(CURLOPT_READFUNCTION, &read_callback);
      set(CURLOPT_READDATA, &transfer);
    } else if (request.method != "DELETE") {
      set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request.form.size()));
      set(CURLOPT_COPYPOSTFIELDS, request.form.c_str());
    }
  }
};

std::optional<std::string> HttpResponse::find_header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
}

HttpClient::HttpClient(const RegistryConfig& config) : config_(config) {
  initialise_libcurl();
}
HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Handle> HttpClient::take_handle() {
  std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Handle>();
  std::unique_ptr<Handle> handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void HttpClient::give_back(std::unique_ptr<Handle> handle) {
  // Options go (they hold credentials), connections stay.
  ::curl_easy_reset(handle->curl);
  std::lock_guard lock(mutex_);
  if (idle_.size() < max_idle_handles) idle_.push_back(std::move(handle));
}

namespace {

// What the end of a transfer means to the caller.
HttpResponse conclude(CURLcode code, HttpTransfer& transfer, const HttpRequest& request,
                      const std::string& reason) {
  HttpResponse& response = transfer.response();
  if (code == CURLE_OK) return std::move(response);
  TransferFailure failure = failure_of(code, transfer.answered());
  switch (transfer.end()) {
    case TransferEnd::cancelled:
      throw Cancelled();
    case TransferEnd::sink_threw:
      std::rethrow_exception(transfer.thrown());
    case TransferEnd::too_large:
      if (response.status >= 400 && !response.body.empty()) return std::move(response);
      throw TransferError(TransferFailure::too_large,
                          fmt::format("'{}' answered with more than {} bytes",
                                      authority(request.url), request.body_limit));
    case TransferEnd::forbidden_address:
      throw TransferError(
          TransferFailure::refused,
          fmt::format("redirect to the internal address of '{}' refused", authority(request.url)));
    case TransferEnd::stalled:
      failure = transfer.answered() ? TransferFailure::stalled : TransferFailure::silent;
      throw TransferError(failure, failure_message(failure, request.url, no_answer));
    case TransferEnd::running:
      break;
  }
  throw TransferError(failure, failure_message(failure, request.url, reason));
}

}  // namespace

HttpResponse HttpClient::perform(const HttpRequest& request, std::stop_token stop,
                                 const BodySink& sink) {
  if (stop.stop_requested()) throw Cancelled();
  std::unique_ptr<Handle> handle = take_handle();
  HttpTransfer transfer(request, config_.timing, stop, sink);
  BodyContext body{handle->curl, &transfer};
  HeaderList headers;
  for (const std::string& line : request.headers) headers.add(line);
  if (!request.authorization.empty()) headers.add("Authorization: " + request.authorization);

  handle->set(CURLOPT_URL, request.url.text.c_str());
  handle->set(CURLOPT_HTTPHEADER, headers.get());
  handle->set(CURLOPT_USERAGENT, config_.user_agent.c_str());
  // Else a registry that does not know of it costs a second for each upload.
  if (request.upload.file >= 0) headers.add("Expect:");
  handle->set_limits(config_.timing, sink || request.upload.file >= 0);
  handle->set_proxy(config_.proxy, request.url);
  handle->set_tls(request);
  handle->set_method(request, transfer);
  handle->set_callbacks(transfer, body);

  const CURLcode code = ::curl_easy_perform(handle->curl);
  long os_error = 0;
  ::curl_easy_getinfo(handle->curl, CURLINFO_OS_ERRNO, &os_error);
  const std::string reason = reason_text(code, os_error, handle->error);
  ::curl_easy_getinfo(handle->curl, CURLINFO_RESPONSE_CODE, &transfer.response().status);
  // After a failure nothing of the handle is worth keeping.
  if (code == CURLE_OK) give_back(std::move(handle));
  return conclude(code, transfer, request, reason);
}

}  // namespace ctr::image
