// ctr save, load, export, import: images and containers as archives.
#include <unistd.h>

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/commands/image_rows.h"
#include "cli/document.h"
#include "cli/file_streams.h"
#include "cli/raw_terminal.h"

namespace ctr::cli {

namespace {

struct SaveOptions {
  std::string output;
  std::vector<std::string> names;
};

void expect_no_terminal(const std::string& output) {
  if ((output.empty() || output == "-") && is_terminal(STDOUT_FILENO))
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "cowardly refusing to save to a terminal: use the -o flag or redirect");
}

void save_images(Context& context, const SaveOptions& options) {
  expect_no_terminal(options.output);
  Query query;
  for (const std::string& name : options.names) query.add("names", name);
  BodyStream stream = context.client().open_stream({.target = "/images/get" + query.text()});
  save_stream(stream, options.output, "save");
}

void export_container(Context& context, const SaveOptions& options) {
  expect_no_terminal(options.output);
  BodyStream stream =
      context.client().open_stream({.target = container_target(options.names.front(), "/export")});
  save_stream(stream, options.output, "export");
}

struct LoadOptions {
  std::string input;
  bool quiet = false;
};

// The daemon's messages: what it did, or that it failed after it had begun.
void show_messages(Context& context, BodyStream& stream, bool quiet) {
  while (std::optional<std::string> line = stream.read_line()) {
    if (line->empty()) continue;
    Json message = parse_document(*line);
    if (std::string error = text_member(message, "error"); !error.empty())
      throw sys::Error(sys::ErrorKind::internal, error);
    std::string text = text_member(message, "stream");
    if (text.empty()) text = text_member(message, "status") + "\n";
    if (!quiet || text.starts_with("Loaded image")) context.out(text);
  }
}

void load_images(Context& context, const LoadOptions& options) {
  if (options.input.empty() && is_terminal(STDIN_FILENO))
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     "requested load from stdin, but stdin is a terminal: use the -i flag");
  BodyStream stream = context.client().upload(
      {.method = "POST", .target = options.quiet ? "/images/load?quiet=1" : "/images/load?quiet=0"},
      open_source(options.input));
  show_messages(context, stream, options.quiet);
}

struct ImportOptions {
  std::string file, reference, message, platform;
  std::vector<std::string> changes;
};

void import_image(Context& context, const ImportOptions& options) {
  auto [repository, tag] = split_tag(options.reference);
  const bool from_web = options.file.starts_with("http://") || options.file.starts_with("https://");
  Query query;
  query.add("fromSrc", from_web ? options.file : "-")
      .add("repo", repository)
      .add("tag", tag)
      .add("message", options.message);
  for (const std::string& change : options.changes) query.add("changes", change);
  if (!options.platform.empty()) query.add("platform", options.platform);
  BodyStream stream = context.client().upload(
      {.method = "POST", .target = "/images/create" + query.text()},
      from_web ? [] { return std::string_view(); } : open_source(options.file));
  show_messages(context, stream, false);
}

}  // namespace

void add_save(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<SaveOptions>();
  CLI::App* command =
      parent.add_subcommand(name, "Save images to a tar archive (standard output by default)");
  command->add_option("-o,--output", options->output, "Write to a file")->type_name("FILE");
  command->add_option("IMAGE", options->names)->required();
  command->callback([&context, options] { save_images(context, *options); });
}

void add_load(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<LoadOptions>();
  CLI::App* command = parent.add_subcommand(name, "Load images from a tar archive");
  command->add_option("-i,--input", options->input, "Read a file instead of standard input")
      ->type_name("FILE");
  command->add_flag("-q,--quiet", options->quiet, "Show only what was loaded");
  command->callback([&context, options] { load_images(context, *options); });
}

void add_export(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<SaveOptions>();
  CLI::App* command =
      parent.add_subcommand(name, "Export a container's file system as a tar archive");
  command->add_option("-o,--output", options->output, "Write to a file")->type_name("FILE");
  command->add_option("CONTAINER", options->names)->required()->expected(1);
  command->callback([&context, options] { export_container(context, *options); });
}

void add_import(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command = parent.add_subcommand(name, "Make an image of a tarball's content");
  command->add_option("-c,--change", options->changes, "Apply a Dockerfile's instruction")
      ->type_name("INSTRUCTION");
  command->add_option("-m,--message", options->message, "Set the comment of the image")
      ->type_name("TEXT");
  command->add_option("--platform", options->platform, "Platform of the image")
      ->type_name("OS/ARCH");
  command->add_option("FILE|URL|-", options->file)->required();
  command->add_option("REPOSITORY[:TAG]", options->reference);
  command->callback([&context, options] { import_image(context, *options); });
}

}  // namespace ctr::cli
