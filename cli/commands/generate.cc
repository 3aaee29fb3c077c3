// What the build and shells ask ctr for, and --help does not list: its manual pages, its
// completion.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/document.h"
#include "cli/manual.h"
#include "runtime/sys/file.h"

namespace ctr::cli {

namespace {

void write_page(const std::string& directory, const std::string& name, const std::string& text) {
  std::string path = fmt::format("{}/{}.1", directory, name);
  sys::write_atomically(path, text, 0644, sys::Durability::until_reboot);
}

void generate_manual(const std::string& directory) {
  sys::make_directories(directory, 0755);
  write_page(directory, "ctr", root_manual());
  for (const CommandRow& row : command_table())
    if (!row.heading.empty() || !row.group.empty())
      write_page(directory, manual_name(row), command_manual(row));
}

void print_matches(Context& context, std::string_view typed, const std::string& name) {
  if (name.starts_with(typed) && name.find("<none>") == name.npos) context.out_line(name);
}

void print_containers(Context& context, std::string_view typed, bool all) {
  std::string target = all ? "/containers/json?all=1" : "/containers/json";
  for (const Json& container : parse_document(context.client().call({.target = target}).body))
    for (std::string name : texts_member(container, "Names")) {
      if (name.starts_with('/')) name.erase(0, 1);
      // "web/db" is what a link calls it.
      if (name.find('/') == name.npos) print_matches(context, typed, name);
    }
}

void print_images(Context& context, std::string_view typed) {
  for (const Json& image : parse_document(context.client().call({.target = "/images/json"}).body))
    for (const std::string& name : texts_member(image, "RepoTags")) {
      print_matches(context, typed, name);
      // "alpine" is enough for "alpine:latest".
      if (name.ends_with(":latest")) print_matches(context, typed, name.substr(0, name.size() - 7));
    }
}

void print_networks(Context& context, std::string_view typed) {
  for (const Json& network : parse_document(context.client().call({.target = "/networks"}).body))
    print_matches(context, typed, text_member(network, "Name"));
}

void print_volumes(Context& context, std::string_view typed) {
  Json answer = parse_document(context.client().call({.target = "/volumes"}).body);
  if (const Json& volumes = member(answer, "Volumes"); volumes.is_array())
    for (const Json& volume : volumes) print_matches(context, typed, text_member(volume, "Name"));
}

void print_completion(Context& context) {
  if (context.operands.empty()) return;
  const std::string& typed = context.operands.back();
  Completion completion = complete(context.operands);
  for (const std::string& word : completion.words) context.out_line(word);
  bool both = completion.objects == ObjectNames::containers_and_images;
  bool running = completion.objects == ObjectNames::running_containers;
  if (both || running || completion.objects == ObjectNames::containers)
    print_containers(context, typed, !running);
  if (both || completion.objects == ObjectNames::images) print_images(context, typed);
  if (completion.objects == ObjectNames::networks) print_networks(context, typed);
  if (completion.objects == ObjectNames::volumes) print_volumes(context, typed);
}

}  // namespace

void add_generate_man(CLI::App& parent, Context& context, std::string name) {
  auto directory = std::make_shared<std::string>();
  CLI::App* command = parent.add_subcommand(name, "Write the manual pages into a directory");
  command->add_option("DIRECTORY", *directory)->required();
  command->callback([directory] { generate_manual(*directory); });
  static_cast<void>(context);
}

void add_generate_completion(CLI::App& parent, Context& context, std::string name) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      parent.add_subcommand(name, "Print the completion for a shell: bash, zsh or fish");
  command->add_option("SHELL", *shell)->required();
  command->callback([&context, shell] {
    std::optional<std::string_view> script = find_completion_script(*shell);
    if (!script)
      throw sys::Error(
          sys::ErrorKind::unsupported,
          fmt::format("no completion for \"{}\", only for bash, zsh and fish", *shell));
    context.out(*script);
  });
}

void add_complete(CLI::App& parent, Context& context, std::string name) {
  CLI::App* command = parent.add_subcommand(name, "What may stand where the cursor is");
  takes_operands(command, "WORD...");
  command->callback([&context] { print_completion(context); });
}

}  // namespace ctr::cli
