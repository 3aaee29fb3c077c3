// ctr info, ctr system info: what the daemon and its host are.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/commands/info_text.h"
#include "cli/commands/inspect_schema.h"
#include "cli/document.h"
#include "cli/format.h"

namespace ctr::cli {

namespace {

struct InfoOptions {
  std::string format;
};

std::string client_block(bool debug) {
  return fmt::format("Client:\n Version:    {}\n Context:    default\n Debug Mode: {}\n\n",
                     CTR_VERSION, debug);
}

void show_info(Context& context, const InfoOptions& options) {
  std::optional<Template> format;
  if (!options.format.empty()) format = parse_object_format(options.format);
  if (!format) context.out(client_block(context.options.debug));
  Json info = parse_document(context.client().call({.target = "/info"}).body);
  bool debug = context.options.debug;
  if (format) {
    info["ClientInfo"] = {{"Debug", debug}, {"Version", CTR_VERSION}, {"Context", "default"}};
    return context.out_line(format->execute(Value(std::move(info)), api_schema));
  }
  context.out(info_text(info));
  // On standard output an empty line, so that the warnings stand apart.
  context.out("\n");
  for (const std::string& warning : texts_member(info, "Warnings")) context.notice_line(warning);
}

}  // namespace

void add_info(CLI::App& parent, Context& context, std::string name) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* command = parent.add_subcommand(name, "Display system-wide information");
  command->add_option("-f,--format", options->format, "Format output: 'json' or a Go TEMPLATE")
      ->type_name("FORMAT");
  command->callback([&context, options] { show_info(context, *options); });
}

}  // namespace ctr::cli
