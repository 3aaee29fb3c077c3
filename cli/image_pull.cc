#include "cli/image_pull.h"

#include <nlohmann/json.hpp>

#include "cli/credential_helper.h"
#include "cli/progress.h"
#include "cli/registry_auth.h"

namespace ctr::cli {

namespace {

std::string helper_header(const std::string& server, const StoredCredentials& stored) {
  nlohmann::json answer = {{"serveraddress", server}};
  if (stored.username == "<token>") {
    answer["identitytoken"] = stored.secret;
  } else {
    answer["username"] = stored.username;
    answer["password"] = stored.secret;
  }
  return encode_base64url(answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

void add_registry_auth(Context& context, const std::string& domain, Request& request) {
  std::optional<std::string> config = find_client_config(context.options.config_directory);
  if (!config) return;
  std::optional<std::string> header;
  const std::string server = domain == "docker.io" ? "https://index.docker.io/v1/" : domain;
  if (auto helper = find_helper_name(*config, server)) {
    if (auto stored = get_from_helper(*helper, server)) header = helper_header(server, *stored);
  } else {
    header = registry_auth_header(*config, domain);
  }
  if (header) request.headers.emplace_back("X-Registry-Auth", *header);
}

void pull_image(Context& context, const ImageName& image, const PullOptions& options) {
  Query query;
  query.add("fromImage", image.full_repository()).add("tag", image.version());
  if (!options.platform.empty()) query.add("platform", options.platform);
  Request request{
      .method = "POST", .target = "/images/create" + query.text(), .body = {}, .headers = {}};
  add_registry_auth(context, image.domain, request);
  context.flush();
  // Ctrl-C ends this process, which closes the connection, which cancels the pull.
  BodyStream stream = context.client().open_stream(request);
  if (options.quiet) return show_progress(stream, nullptr);
  ProgressDisplay display(options.progress_fd);
  show_progress(stream, &display);
}

}  // namespace ctr::cli
