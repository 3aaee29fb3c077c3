#include "cli/completion.h"

#include <algorithm>

#include "cli/commands.h"

namespace ctr::cli {

namespace {

constexpr std::string_view global_options[] = {"--config",  "--debug", "--help", "--host",
                                               "--version", "-D",      "-H",     "-v"};

bool takes_value(std::string_view global_option) {
  return global_option == "-H" || global_option == "--host" || global_option == "--config";
}

// Commands that only make sense for containers that run.
constexpr std::string_view needs_running[] = {"attach", "exec", "kill", "pause",
                                              "port",   "stop", "top",  "wait"};

void add_matches(std::vector<std::string>& words, std::string_view typed, std::string word) {
  bool known = std::find(words.begin(), words.end(), word) != words.end();
  if (!known && word.starts_with(typed)) words.push_back(std::move(word));
}

Completion complete_command(std::string_view group, std::string_view typed) {
  Completion completion;
  for (const CommandRow& row : command_table()) {
    bool listed = !group.empty() || !row.heading.empty();
    if (row.group == group && listed) add_matches(completion.words, typed, std::string(row.name));
  }
  if (!group.empty()) return completion;
  for (const CommandGroup& each : command_groups())
    add_matches(completion.words, typed, std::string(each.name));
  if (typed.starts_with('-'))
    for (std::string_view option : global_options)
      add_matches(completion.words, typed, std::string(option));
  return completion;
}

const CLI::Option* find_option(const CLI::App& app, std::string_view word) {
  auto names = [&](const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  for (const CLI::Option* option : app.get_options()) {
    if (word.starts_with("--") && names(option->get_lnames(), word.substr(2))) return option;
    // "-it": the last letter is the one that a value would follow.
    bool is_short = word.size() > 1 && word[0] == '-' && word[1] != '-';
    if (is_short && names(option->get_snames(), word.substr(word.size() - 1))) return option;
  }
  return nullptr;
}

bool expects_value(const CLI::App& app, std::string_view word) {
  const CLI::Option* option = find_option(app, word);
  return option != nullptr && option->get_items_expected_max() > 0;
}

Completion complete_option(const CLI::App& app, std::string_view typed) {
  Completion completion;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames())
      add_matches(completion.words, typed, "--" + name);
    for (const std::string& name : option->get_snames())
      add_matches(completion.words, typed, "-" + name);
  }
  return completion;
}

// What the command says its operand number `index` is: "CONTAINER", "IMAGE", "NAME|ID" …
std::string operand_name(const CLI::App& app, size_t index) {
  if (app.get_prefix_command()) return index == 0 ? app.get_footer() : "";
  std::string last;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    last = option->get_name(true, false);
    bool repeats = option->get_items_expected_max() > 1;
    if (index == 0 || repeats) return last;
    --index;
  }
  return "";
}

ObjectNames objects_of(const CLI::App& app, size_t operand) {
  std::string name = operand_name(app, operand);
  if (name.starts_with("NAME|ID")) return ObjectNames::containers_and_images;
  bool is_image = name.find("IMAGE") != name.npos || name.starts_with("REPOSITORY");
  if (is_image) return ObjectNames::images;
  // A new one's name is the user's to choose.
  if (name.starts_with("NETWORK") && app.get_name() != "create") return ObjectNames::networks;
  if (name.starts_with("VOLUME") && app.get_name() != "create") return ObjectNames::volumes;
  if (!name.starts_with("CONTAINER")) return ObjectNames::none;
  bool running = std::find(std::begin(needs_running), std::end(needs_running), app.get_name()) !=
                 std::end(needs_running);
  return running ? ObjectNames::running_containers : ObjectNames::containers;
}

// `words` behind the command's name.
Completion complete_arguments(const CLI::App& app, const std::vector<std::string>& words) {
  const std::string& typed = words.back();
  size_t operands = 0;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    bool is_option = words[i].size() > 1 && words[i][0] == '-';
    if (!is_option) {
      ++operands;
    } else if (words[i].find('=') == std::string::npos && expects_value(app, words[i])) {
      // The word at the cursor is this option's value: only files can be guessed.
      if (i + 2 == words.size()) return {};
      ++i;
    }
  }
  bool behind_command = app.get_prefix_command() && operands > 0;
  if (typed.starts_with('-') && !behind_command) return complete_option(app, typed);
  return {{}, objects_of(app, operands)};
}

bool is_group(std::string_view word) {
  const auto& groups = command_groups();
  return std::any_of(groups.begin(), groups.end(),
                     [&](const CommandGroup& group) { return group.name == word; });
}

Completion complete_in_group(std::string_view group, const std::vector<std::string>& words) {
  if (words.size() <= 1) return complete_command(group, words.empty() ? "" : words[0]);
  for (const CommandRow& row : command_table()) {
    if (row.group != group || row.name != words[0]) continue;
    Context context;
    return complete_arguments(declare(row, context).app, {words.begin() + 1, words.end()});
  }
  return {};
}

}  // namespace

Completion complete(const std::vector<std::string>& words) {
  size_t at = 0;
  for (; at + 1 < words.size() && words[at].starts_with('-'); ++at)
    if (takes_value(words[at])) ++at;
  if (at >= words.size()) return {};
  std::vector<std::string> rest(words.begin() + static_cast<long>(at), words.end());
  if (rest.size() > 1 && is_group(rest[0]))
    return complete_in_group(rest[0], {rest.begin() + 1, rest.end()});
  return complete_in_group("", rest);
}

namespace {

constexpr std::string_view bash_script =
    R"(# bash completion for ctr: asks ctr itself, so that it knows what this ctr knows.
_ctr() {
    local words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} IFS=$'\n'
    # A colon ends a word for bash, but not an image's name.
    declare -F _get_comp_words_by_ref >/dev/null && _get_comp_words_by_ref -n : words cword cur
    COMPREPLY=($(ctr __complete -- "${words[@]:1:cword}" 2>/dev/null))
    declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
}
complete -o default -F _ctr ctr
)";

constexpr std::string_view zsh_script = R"(#compdef ctr
# zsh completion for ctr: asks ctr itself, so that it knows what this ctr knows.
_ctr() {
    local -a answers
    answers=("${(@f)$(ctr __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n ${answers[1]} ]]; then
        compadd -- "${answers[@]}"
    else
        _files
    fi
}
if [[ $funcstack[1] == _ctr ]]; then _ctr "$@"; else compdef _ctr ctr; fi
)";

constexpr std::string_view fish_script =
    R"(# fish completion for ctr: asks ctr itself, so that it knows what this ctr knows.
function __ctr_complete
    set -l words (commandline -opc)
    set -e words[1]
    ctr __complete -- $words (commandline -ct) 2>/dev/null
end
complete -c ctr -a '(__ctr_complete)'
)";

}  // namespace

std::optional<std::string_view> find_completion_script(std::string_view shell) {
  if (shell == "bash") return bash_script;
  if (shell == "zsh") return zsh_script;
  if (shell == "fish") return fish_script;
  return std::nullopt;
}

}  // namespace ctr::cli
