// ctr version: this program's and the daemon's.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <ctime>

#include "cli/commands.h"
#include "cli/commands/inspect_schema.h"
#include "cli/document.h"
#include "cli/format.h"
#include "cli/human.h"
#include "runtime/sys/timestamp.h"

namespace ctr::cli {

namespace {

// The newest version of the API that the client knows.
constexpr const char* api_version = "1.51";

#if defined(__x86_64__)
constexpr const char* architecture = "amd64";
#elif defined(__aarch64__)
constexpr const char* architecture = "arm64";
#else
constexpr const char* architecture = "unknown";
#endif

struct VersionOptions {
  std::string format;
};

Json client_version() {
  return {{"Version", CTR_VERSION}, {"ApiVersion", api_version}, {"DefaultAPIVersion", api_version},
          {"GitCommit", ""},        {"GoVersion", ""},           {"Os", "linux"},
          {"Arch", architecture},   {"BuildTime", ""},           {"Context", "default"}};
}

// "2025-05-30T12:07:14+00:00" as "Fri May 30 12:07:14 2025"; other texts as they are.
std::string readable_time(const std::string& text) {
  std::optional<sys::Timestamp> timestamp = sys::parse_timestamp(text);
  if (!timestamp) return text;
  auto seconds = static_cast<time_t>(*timestamp / 1'000'000'000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char buffer[64];
  return std::string(buffer, strftime(buffer, sizeof buffer, "%a %b %e %H:%M:%S %Y", &parts));
}

// Daemons before API 1.35 do not name their components.
Json with_components(Json server) {
  if (member(server, "Components").is_array() && !member(server, "Components").empty())
    return server;
  Json details = {{"ApiVersion", text_member(server, "ApiVersion")},
                  {"MinAPIVersion", text_member(server, "MinAPIVersion")},
                  {"GoVersion", text_member(server, "GoVersion")},
                  {"GitCommit", text_member(server, "GitCommit")},
                  {"BuildTime", text_member(server, "BuildTime")},
                  {"Os", text_member(server, "Os")},
                  {"Arch", text_member(server, "Arch")}};
  Json engine = {{"Name", "Engine"}, {"Version", text_member(server, "Version")}};
  engine["Details"] = std::move(details);
  server["Components"] = Json::array({std::move(engine)});
  return server;
}

void make_times_readable(Json& server) {
  for (Json& component : server["Components"]) {
    if (!component.is_object() || !component["Details"].is_object()) continue;
    Json& details = component["Details"];
    if (std::string time = text_member(details, "BuildTime"); !time.empty())
      details["BuildTime"] = readable_time(time);
  }
}

std::string line(int indent, std::string_view name, std::string_view value) {
  return fmt::format("{:{}}{:<{}}{}\n", "", indent, fmt::format("{}:", name), 20 - indent, value);
}

std::string client_block() {
  return "Client:\n" + line(1, "Version", CTR_VERSION) + line(1, "API version", api_version) +
         line(1, "OS/Arch", fmt::format("linux/{}", architecture));
}

std::string engine_lines(const Json& details) {
  auto detail = [&](std::string_view name) { return text_member(details, name); };
  std::string text =
      line(2, "API version",
           fmt::format("{} (minimum version {})", detail("ApiVersion"), detail("MinAPIVersion"))) +
      line(2, "Go version", detail("GoVersion")) + line(2, "Git commit", detail("GitCommit")) +
      line(2, "Built", detail("BuildTime")) +
      line(2, "OS/Arch", detail("Os") + "/" + detail("Arch"));
  std::string experimental = detail("Experimental");
  return text + line(2, "Experimental", experimental.empty() ? "false" : experimental);
}

std::string server_block(const Json& server) {
  std::string platform = text_member(member(server, "Platform"), "Name");
  std::string text = platform.empty() ? "\nServer:\n" : fmt::format("\nServer: {}\n", platform);
  for (const Json& component : member(server, "Components")) {
    std::string name = text_member(component, "Name");
    text += fmt::format(" {}:\n", name) + line(2, "Version", text_member(component, "Version"));
    const Json& details = member(component, "Details");
    if (name == "Engine") {
      text += engine_lines(details);
    } else if (details.is_object()) {
      for (const auto& [key, value] : details.items())
        text += line(2, key, value.is_string() ? value.get<std::string>() : "");
    }
  }
  return text;
}

Json fetch_server(Context& context) {
  Json server = with_components(parse_document(context.client().call({.target = "/version"}).body));
  make_times_readable(server);
  return server;
}

void show_version(Context& context, const VersionOptions& options) {
  // Without a daemon the client's part is shown all the same, and then the error.
  Json document = {{"Client", client_version()}, {"Server", nullptr}};
  std::optional<Template> format;
  if (!options.format.empty()) format = parse_object_format(options.format);
  std::optional<ConnectionError> unreachable;
  try {
    document["Server"] = fetch_server(context);
  } catch (const ConnectionError& error) {
    unreachable = error;
  }
  if (!format) {
    context.out(client_block());
    if (!unreachable) context.out(server_block(document["Server"]));
  } else {
    try {
      context.out_line(format->execute(Value(std::move(document)), api_schema));
    } catch (const sys::Error&) {
      // The template wanted the server's part: that the daemon is not there says more.
      if (unreachable) throw *unreachable;
      throw;
    }
  }
  if (unreachable) throw *unreachable;
}

}  // namespace

void add_version(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<VersionOptions>();
  CLI::App* command = parent.add_subcommand(name, "Show the version of ctr and of its daemon");
  command->add_option("-f,--format", options->format, "Format output: 'json' or a Go TEMPLATE")
      ->type_name("FORMAT");
  command->callback([&context, options] { show_version(context, *options); });
}

}  // namespace ctr::cli
