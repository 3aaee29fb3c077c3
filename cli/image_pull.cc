#include "cli/image_pull.h"

#include "cli/progress.h"
#include "cli/registry_auth.h"

namespace ctr::cli {

void pull_image(Context& context, const ImageName& image, const PullOptions& options) {
  Query query;
  query.add("fromImage", image.full_repository()).add("tag", image.version());
  if (!options.platform.empty()) query.add("platform", options.platform);
  Request request{
      .method = "POST", .target = "/images/create" + query.text(), .body = {}, .headers = {}};
  if (auto config = find_client_config(context.options.config_directory))
    if (auto header = registry_auth_header(*config, image.domain))
      request.headers.emplace_back("X-Registry-Auth", *header);
  context.flush();
  // Ctrl-C ends this process, which closes the connection, which cancels the pull.
  BodyStream stream = context.client().open_stream(request);
  if (options.quiet) return show_progress(stream, nullptr);
  ProgressDisplay display(options.progress_fd);
  show_progress(stream, &display);
}

}  // namespace ctr::cli
