// Pulls images into a directory of its own and says what happens, one JSON object a line: for tests
// and measurements of the registry client without a daemon. Not installed.
//
//   pull_tool --root DIR [--insecure HOST] [--mirror URL] [--platform P] [--user U:P] [--token T]
//             [--certs DIR] [--fast] [--cancel-after MS] [--times N] [--login] REFERENCE…
//
// Several references are pulled at the same time. Exits with 1 if any of them failed.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "image/puller.h"
#include "image/registry_auth.h"
#include "runtime/sys/error.h"

namespace {

using namespace ctr;
using nlohmann::json;

struct Options {
  std::string root;
  image::RegistryConfig registry;
  image::Credentials credentials;
  std::optional<image::Platform> platform;
  int cancel_after_ms = 0;
  int times = 1;
  bool login = false;
  bool quiet = false;
  std::vector<std::string> references;
};

Options parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = arguments[i];
    const auto value = [&] {
      if (++i == count) throw sys::Error(sys::ErrorKind::invalid_argument, word + " wants a value");
      return std::string(arguments[i]);
    };
    if (word == "--root") {
      options.root = value();
    } else if (word == "--insecure") {
      options.registry.insecure_registries.push_back(value());
    } else if (word == "--mirror") {
      options.registry.mirrors.push_back(value());
    } else if (word == "--certs") {
      options.registry.certificate_directories = {value()};
    } else if (word == "--platform") {
      options.platform = image::parse_platform(value());
    } else if (word == "--user") {
      const std::string pair = value();
      options.credentials.username = pair.substr(0, pair.find(':'));
      options.credentials.password = pair.substr(pair.find(':') + 1);
    } else if (word == "--identity-token") {
      options.credentials.identity_token = value();
    } else if (word == "--parallel") {
      options.registry.parallel_layers = static_cast<unsigned>(std::stoi(value()));
    } else if (word == "--fast") {
      // Retries and watchdogs in tenths of seconds: a test waits for none of them.
      image::RegistryTiming& timing = options.registry.timing;
      timing.connect = timing.stall = std::chrono::milliseconds(1500);
      timing.request = std::chrono::milliseconds(3000);
      timing.first_delay = std::chrono::milliseconds(20);
      timing.max_delay = std::chrono::milliseconds(100);
      timing.max_retry_after = std::chrono::milliseconds(2000);
    } else if (word == "--cancel-after") {
      options.cancel_after_ms = std::stoi(value());
    } else if (word == "--times") {
      options.times = std::stoi(value());
    } else if (word == "--login") {
      options.login = true;
    } else if (word == "--quiet") {
      options.quiet = true;
    } else {
      options.references.push_back(word);
    }
  }
  return options;
}

std::mutex output;

void print(const json& line) {
  std::lock_guard lock(output);
  std::cout << line.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
}

void print_failure(const std::string& reference, const sys::Error& error) {
  print({{"event", "failed"},
         {"reference", reference},
         {"kind", static_cast<int>(error.kind())},
         {"error", error.what()}});
}

bool pull(const Options& options, image::Puller& puller, const std::string& reference, int id,
          std::stop_token stop) {
  try {
    image::PullRequest request;
    request.reference = image::parse_reference(reference);
    request.platform = options.platform;
    request.credentials = options.credentials;
    request.stop = stop;
    request.resolved = [&](const image::Digest& digest) {
      print({{"event", "resolved"}, {"pull", id}, {"digest", digest.text()}});
    };
    request.progress = [&](const image::LayerProgress& progress) {
      if (options.quiet) return;
      print({{"event", "layer"},
             {"pull", id},
             {"layer", progress.layer.text()},
             {"phase", image::phase_text(progress.phase)},
             {"current", progress.current},
             {"total", progress.total}});
    };
    image::PulledImage image = puller.pull(request);
    json blobs = json::array();
    for (const image::Digest& blob : image.blobs) blobs.push_back(blob.text());
    print({{"event", "pulled"},
           {"pull", id},
           {"reference", image.reference.text()},
           {"digest", image.digest.text()},
           {"manifest", image.manifest.digest.text()},
           {"config", image.config_digest.text()},
           {"architecture", image.config.platform.architecture},
           {"blobs", blobs},
           {"size", image.size}});
    return true;
  } catch (const sys::Error& error) {
    print_failure(reference, error);
    return false;
  }
}

int run(const Options& options) {
  image::RegistryClient client(options.registry);
  if (options.login) {
    client.log_in(options.references.at(0), options.credentials, {});
    print({{"event", "logged in"}});
    return 0;
  }
  image::ContentStore content(options.root + "/blobs");
  image::LayerStore layers(options.root + "/layers");
  image::Puller puller(client, content, layers);
  std::stop_source first;
  std::atomic<int> failed = 0;
  std::vector<std::jthread> threads;
  int id = 0;
  for (const std::string& reference : options.references)
    for (int i = 0; i < options.times; ++i, ++id)
      threads.emplace_back([&, reference, id] {
        // Only the first of several pulls is cancelled.
        if (!pull(options, puller, reference, id, id == 0 ? first.get_token() : std::stop_token{}))
          ++failed;
      });
  if (options.cancel_after_ms > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(options.cancel_after_ms));
    first.request_stop();
  }
  threads.clear();
  return failed > 0 ? 1 : 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run(parse(count, arguments));
  } catch (const sys::Error& error) {
    print_failure("", error);
    return 1;
  }
}
