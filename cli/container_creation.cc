#include "cli/container_creation.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/image_pull.h"
#include "cli/json_member.h"
#include "runtime/sys/file.h"

namespace ctr::cli {

namespace {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

enum class PullPolicy { always, missing, never };

PullPolicy parse_pull_policy(const std::string& text) {
  if (text == "always") return PullPolicy::always;
  if (text == "missing" || text.empty()) return PullPolicy::missing;
  if (text == "never") return PullPolicy::never;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("invalid pull option '{}': say always, missing or never", text));
}

// Made before the container, so that a name that is taken costs nothing; removed if nothing came of
// it.
class CidFile {
 public:
  explicit CidFile(std::string path) : path_(std::move(path)) {
    if (path_.empty()) return;
    int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
      throw Error(
          ErrorKind::conflict,
          fmt::format("container ID file found, make sure the other container isn't running "
                      "or delete {}",
                      path_));
    fd_ = sys::UniqueFd(sys::check(fd, "create the container ID file", path_));
  }
  ~CidFile() {
    if (fd_) ::unlink(path_.c_str());
  }
  CidFile(const CidFile&) = delete;
  CidFile& operator=(const CidFile&) = delete;

  void commit(const std::string& id) {
    if (!fd_) return;
    sys::write_all(fd_.get(), id, path_);
    fd_.reset();
  }

 private:
  std::string path_;
  sys::UniqueFd fd_;
};

void pull(Context& context, const ContainerOptions& options, const std::string& image) {
  pull_image(context, parse_image_name(image),
             {.platform = options.platform, .quiet = options.quiet, .progress_fd = STDERR_FILENO});
}

json post_create(Context& context, const ContainerOptions& options, const CreatePlan& plan) {
  Query query;
  if (!options.name.empty()) query.add("name", options.name);
  if (!options.platform.empty()) query.add("platform", options.platform);
  Response response = context.client().call({.method = "POST",
                                             .target = "/containers/create" + query.text(),
                                             .body = plan.body,
                                             .headers = {}});
  return parse_body(response.body);
}

bool is_missing_image(const ApiError& error) {
  return error.status() == 404 &&
         std::string_view(error.what()).find("o such image") != std::string_view::npos;
}

json create_with_pull(Context& context, const ContainerOptions& options, const CreatePlan& plan) {
  PullPolicy policy = parse_pull_policy(options.pull);
  if (policy == PullPolicy::always) pull(context, options, plan.image);
  try {
    return post_create(context, options, plan);
  } catch (const ApiError& error) {
    if (policy != PullPolicy::missing || !is_missing_image(error)) throw;
  }
  if (!options.quiet)
    context.notice_line(
        fmt::format("Unable to find image '{}' locally", parse_image_name(plan.image).familiar()));
  pull(context, options, plan.image);
  return post_create(context, options, plan);
}

}  // namespace

void declare_creation(CLI::App* command, ContainerOptions& options) {
  takes_operands(command, "IMAGE [COMMAND] [ARG...]");
  declare_container_options(command, options);
}

CreatePlan plan_from_command_line(const Context& context, const ContainerOptions& options,
                                  bool detach) {
  if (context.operands.empty())
    throw Error(ErrorKind::invalid_argument,
                fmt::format("'{0}' needs an image, such as in '{0} alpine ls -l'; see '{0} --help'",
                            context.command));
  parse_pull_policy(options.pull);
  parse_image_name(context.operands.front());
  return plan_create(options, context.operands, detach, process_surroundings());
}

std::string create_container(Context& context, const ContainerOptions& options,
                             const CreatePlan& plan) {
  CidFile cidfile(options.cidfile);
  json created = create_with_pull(context, options, plan);
  std::string id = string_member(created, "Id");
  if (id.empty()) throw Error(ErrorKind::unavailable, "the daemon's answer has no Id");
  cidfile.commit(id);
  if (auto warnings = created.find("Warnings"); warnings != created.end() && warnings->is_array())
    for (const json& warning : *warnings)
      if (warning.is_string()) context.warning_line(warning.get<std::string>());
  return id;
}

}  // namespace ctr::cli
