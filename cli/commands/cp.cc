// ctr cp: files between a container and here. What goes where is Docker's rule; the archive itself
// is ctr-archive's to make and to unpack.
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/copy_plan.h"
#include "cli/document.h"
#include "cli/file_streams.h"
#include "cli/raw_terminal.h"
#include "cli/registry_auth.h"
#include "runtime/sys/file.h"
#include "runtime/sys/process.h"

namespace ctr::cli {

namespace {

struct CopyOptions {
  bool archive = false;
  bool follow = false;
  bool quiet = false;
  std::string source, destination;
};

// Beside ctr, as in the build's bin/, or where it is installed.
std::string archive_program() {
  char self[4096];
  ssize_t length =
      sys::check(::readlink("/proc/self/exe", self, sizeof self), "readlink", "/proc/self/exe");
  std::string directory(self, static_cast<size_t>(length));
  directory.erase(directory.rfind('/'));
  for (const char* path : {"/ctr-archive", "/../libexec/ctr/ctr-archive"})
    if (sys::exists(directory + path)) return directory + path;
  throw sys::Error(sys::ErrorKind::not_found,
                   "ctr-archive is not beside ctr: the installation is not complete");
}

struct Pipe {
  sys::UniqueFd read, write;
};
Pipe make_pipe() {
  int ends[2];
  sys::check(::pipe2(ends, O_CLOEXEC), "pipe");
  return {sys::UniqueFd(ends[0]), sys::UniqueFd(ends[1])};
}

sys::Process run_archive(std::vector<std::string> arguments, int standard_input,
                         int standard_output) {
  std::vector<std::pair<int, int>> descriptors{{STDERR_FILENO, 2}};
  if (standard_input >= 0) descriptors.emplace_back(standard_input, 0);
  if (standard_output >= 0) descriptors.emplace_back(standard_output, 1);
  return sys::spawn({.program = archive_program(),
                     .arguments = std::move(arguments),
                     .environment = {},
                     .descriptors = std::move(descriptors)});
}

void expect_success(sys::Process& process) {
  if (process.wait().exit_code() != 0) throw Exit{1};  // it has said why
}

// nullopt: there is no such path.
std::optional<PathKind> find_container_path(Context& context, const std::string& container,
                                            std::string& path) {
  // A link leads on, a few times.
  for (int links = 0; links < 10; ++links) {
    Query query;
    query.add("path", path);
    Response response = context.client().send(
        {.method = "HEAD", .target = container_target(container, "/archive") + query.text()});
    if (response.status == 404) return std::nullopt;
    std::optional<std::string> text =
        decode_base64(response.head.header("x-docker-container-path-stat").value_or(""));
    if (response.status != 200 || !text)
      throw ApiError(response.status, fmt::format("cannot look at {}:{}", container, path));
    Json stat = parse_document(*text);
    auto mode = static_cast<uint64_t>(number_member(stat, "mode"));
    constexpr uint64_t go_directory = uint64_t{1} << 31, go_link = uint64_t{1} << 27;
    if ((mode & go_link) == 0)
      return (mode & go_directory) != 0 ? PathKind::directory : PathKind::file;
    path = text_member(stat, "linkTarget");
  }
  throw sys::Error(sys::ErrorKind::invalid_argument, fmt::format("{}: too many links", path));
}

std::optional<PathKind> find_local_path(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) {
    if (errno == ENOENT) return std::nullopt;
    sys::throw_errno(errno, "stat", {"'" + path + "'"});
  }
  return S_ISDIR(status.st_mode) ? PathKind::directory : PathKind::file;
}

void expect_container(Context& context, const std::string& container) {
  context.client().get_json(
      container_target(container, "/json"));  // else a 404 could be the path's
}

BodyStream open_archive(Context& context, const CopyPlace& source, const std::string& path) {
  Query query;
  query.add("path", path);
  return context.client().open_stream(
      {.target = container_target(source.container, "/archive") + query.text()});
}

void copy_out(Context& context, const CopyOptions& options, const CopyPlace& source,
              const CopyPlace& destination) {
  expect_container(context, source.container);
  std::string path = source.path;
  std::string followed = path;
  std::optional<PathKind> kind = find_container_path(context, source.container, followed);
  if (options.follow && kind) path = followed;
  if (options.destination == "-") {
    if (is_terminal(STDOUT_FILENO))
      throw sys::Error(sys::ErrorKind::invalid_argument,
                       "refusing to write an archive to a terminal: redirect it");
    BodyStream stream = open_archive(context, source, path);
    return save_stream(stream, "-", "cp");
  }
  BodyStream stream = open_archive(context, source, path);
  CopyPlan plan = plan_copy({path, kind.value_or(PathKind::file)}, destination.path,
                            find_local_path(destination.path));
  Pipe pipe = make_pipe();
  std::vector<std::string> arguments{"unpack", plan.directory, plan.archived_as, plan.renamed_to};
  if (!options.archive) arguments.push_back(fmt::format("{}:{}", ::getuid(), ::getgid()));
  if (plan.make_directory) sys::make_directories(plan.directory, 0755);
  sys::Process process = run_archive(std::move(arguments), pipe.read.get(), -1);
  pipe.read.reset();
  std::string buffer(256 << 10, '\0');
  while (size_t count = stream.read(buffer.data(), buffer.size()))
    sys::write_all(pipe.write.get(), {buffer.data(), count}, "pipe");
  pipe.write.reset();
  expect_success(process);
}

void put_archive(Context& context, const CopyOptions& options, const std::string& container,
                 const std::string& directory, const std::function<std::string_view()>& data) {
  Query query;
  query.add("path", directory).add("noOverwriteDirNonDir", true).add("copyUIDGID", options.archive);
  BodyStream answer = context.client().upload(
      {.method = "PUT", .target = container_target(container, "/archive") + query.text()}, data);
  char rest[64];
  while (answer.read(rest, sizeof rest) > 0) continue;
}

void copy_in(Context& context, const CopyOptions& options, const CopyPlace& source,
             const CopyPlace& destination) {
  expect_container(context, destination.container);
  if (options.source == "-")
    return put_archive(context, options, destination.container, destination.path, open_source("-"));
  std::optional<PathKind> kind = find_local_path(source.path);
  if (!kind)
    throw sys::Error(sys::ErrorKind::not_found,
                     fmt::format("{}: no such file or directory", source.path));
  std::string path = destination.path;
  std::optional<PathKind> there = find_container_path(context, destination.container, path);
  CopyPlan plan = plan_copy({source.path, *kind}, there ? path : destination.path, there);
  std::string from = source.path;
  if (options.follow) {
    char resolved[PATH_MAX];
    if (::realpath(from.c_str(), resolved) != nullptr) from = resolved;
  }
  Pipe pipe = make_pipe();
  sys::Process process = run_archive(
      {"pack", from, plan.renamed_to.empty() ? "." : plan.renamed_to}, -1, pipe.write.get());
  pipe.write.reset();
  std::string buffer(256 << 10, '\0');
  put_archive(context, options, destination.container, plan.directory, [&] {
    ssize_t count = sys::check(
        sys::retry_on_signal([&] { return ::read(pipe.read.get(), buffer.data(), buffer.size()); }),
        "read", "pipe");
    return std::string_view(buffer.data(), static_cast<size_t>(count));
  });
  pipe.read.reset();
  expect_success(process);
}

void copy(Context& context, const CopyOptions& options) {
  CopyPlace source = parse_copy_place(options.source);
  CopyPlace destination = parse_copy_place(options.destination);
  if (!source.container.empty() && !destination.container.empty())
    throw sys::Error(sys::ErrorKind::unsupported, "copying between containers is not supported");
  if (source.container.empty() && destination.container.empty())
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "one of the two must be in a container: say CONTAINER:PATH");
  if (source.container.empty()) return copy_in(context, options, source, destination);
  copy_out(context, options, source, destination);
}

}  // namespace

void add_cp(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<CopyOptions>();
  CLI::App* command = parent.add_subcommand(
      name, "Copy files between a container and here ('-': a tar archive on a standard stream)");
  command->add_flag("-a,--archive", options->archive, "Keep owners: user and group ids");
  command->add_flag("-L,--follow-link", options->follow, "Follow a link as the source");
  command->add_flag("-q,--quiet", options->quiet, "Show nothing (nothing is shown anyway)");
  command->add_option("[CONTAINER:]SOURCE|-", options->source)->required();
  command->add_option("[CONTAINER:]DESTINATION|-", options->destination)->required();
  command->callback([&context, options] { copy(context, *options); });
}

}  // namespace ctr::cli
