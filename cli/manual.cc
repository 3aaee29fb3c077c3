#include "cli/manual.h"

#include <algorithm>

#include "cli/help.h"
#include "cli/template/utf8.h"

namespace ctr::cli {

namespace {

std::string header(std::string name, std::string_view description) {
  std::string title = name;
  std::transform(title.begin(), title.end(), title.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return fmt::format(".TH \"{}\" 1 \"\" \"ctr {}\" \"Container engine\"\n.SH NAME\n{} \\- {}\n",
                     escape_roff(title), CTR_VERSION, escape_roff(name), escape_roff(description));
}

std::string value_name(const CLI::Option& option) {
  const std::string& text = option.get_option_text();
  return text.empty() ? option.get_type_name() : text;
}

// ".TP" with "-f, --filter FILTER" and what it does.
std::string option_paragraph(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("\\fB\\-" + name + "\\fR");
  for (const std::string& name : option.get_lnames())
    names.push_back("\\fB\\-\\-" + escape_roff(name) + "\\fR");
  std::string value;
  if (option.get_items_expected_max() > 0)
    value = " \\fI" + escape_roff(value_name(option)) + "\\fR";
  return fmt::format(".TP\n{}{}\n{}\n", fmt::join(names, ", "), value,
                     escape_roff(option.get_description()));
}

std::string options_section(const CLI::App& app) {
  std::string text;
  for (const CLI::Option* option : app.get_options())
    if (!option->get_positional() && !option->get_group().empty())
      text += option_paragraph(*option);
  return text.empty() ? "" : ".SH OPTIONS\n" + text;
}

std::string typed_name(const CommandRow& row) {
  return row.group.empty() ? fmt::format("ctr {}", row.name)
                           : fmt::format("ctr {} {}", row.group, row.name);
}

// Other names of the same command: "ctr container ls" for "ctr ps".
std::string aliases_section(const CommandRow& row) {
  std::vector<std::string> names;
  for (const CommandRow& other : command_table())
    if (other.add == row.add && typed_name(other) != typed_name(row))
      names.push_back(escape_roff(typed_name(other)));
  return names.empty() ? "" : fmt::format(".SH ALIASES\n{}\n", fmt::join(names, ", "));
}

constexpr std::string_view environment_section = R"(.SH ENVIRONMENT
.TP
\fBCTR_HOST\fR, \fBDOCKER_HOST\fR
The daemon's socket, as \fIunix:///run/ctr/ctrd.sock\fR; the first that is set counts, and
\fB\-H\fR before both.
.TP
\fBDOCKER_CONFIG\fR
The directory of the client's configuration (~/.docker).
.SH EXIT STATUS
That of the container's process for the commands that run one; otherwise 0, or 1 when anything
failed. 125 stands for mistakes in the command line and what the engine refused, 126 for a command
that cannot be run, 127 for one that is not there, 128 and more for a signal.
)";

constexpr std::string_view see_also = ".SH SEE ALSO\nctr(1), ctrd(8), ctr\\-monitor(8)\n";

}  // namespace

std::string escape_roff(std::string_view text) {
  std::string escaped;
  for (size_t at = 0; at < text.size();) {
    char32_t c = decode_utf8(text, at);
    bool line_start = escaped.empty() || escaped.back() == '\n';
    if (line_start && (c == '.' || c == '\'')) escaped += "\\&";
    if (c == '\\')
      escaped += "\\e";
    else if (c == '-')
      escaped += "\\-";
    else if (c >= 0x80)
      escaped += fmt::format("\\[u{:04X}]", static_cast<uint32_t>(c));
    else
      escaped += static_cast<char>(c);
  }
  return escaped;
}

std::string manual_name(const CommandRow& row) {
  return row.group.empty() ? fmt::format("ctr-{}", row.name)
                           : fmt::format("ctr-{}-{}", row.group, row.name);
}

std::string command_manual(const CommandRow& row) {
  Context context;
  DeclaredCommand command = declare(row, context);
  const CLI::App& app = command.app;
  return header(manual_name(row), app.get_description()) +
         fmt::format(".SH SYNOPSIS\n\\fB{}\\fR\n", escape_roff(usage_line(app, typed_name(row)))) +
         options_section(app) + aliases_section(row) + std::string(see_also);
}

std::string root_manual() {
  Context context;
  std::string text = header("ctr", "runs containers") +
                     ".SH SYNOPSIS\n\\fBctr\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR\n"
                     ".SH DESCRIPTION\nRuns programs with their own files, processes and network. "
                     "Asks \\fBctrd\\fR(8) over its socket; every command of this page has one of "
                     "its own.\n.SH COMMANDS\n";
  for (const CommandRow& row : command_table()) {
    bool listed = !row.heading.empty() || !row.group.empty();
    if (!listed) continue;
    text += fmt::format(".TP\n\\fB{}\\fR(1)\n{}\n", escape_roff(manual_name(row)),
                        escape_roff(declare(row, context).app.get_description()));
  }
  return text + std::string(environment_section) + std::string(see_also);
}

}  // namespace ctr::cli
